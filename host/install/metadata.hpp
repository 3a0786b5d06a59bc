// Metadata: how packuments are asked for over a run's transport: for the resolve stage and for `outdated`. [any thread]
#pragma once

#include "install/transport.hpp"
#include "registry/packuments.hpp"
#include "resolve/policy.hpp"

namespace pmx {

// `transport` and `policy` must outlive what is made with them.
SendRequest metadata_sender(BoundedTransport& transport);
PackumentsOptions packuments_options(const Settings& settings, const Policy& policy);

}  // namespace pmx
