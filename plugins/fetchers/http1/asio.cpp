// Boost.Asio's own code, compiled once for this plugin instead of once per source.
#include <boost/asio/impl/src.hpp>
