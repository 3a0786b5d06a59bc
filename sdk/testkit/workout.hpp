// A workout: calls of every kind that a plugin of one kind gets, those that fail included, and what came of them as text.
// The cases of the contract run it under the proxy and look at one rule each. Private to the kit.
#pragma once

#include <functional>
#include <memory>

#include "host.hpp"

namespace pmx::testkit {

class Workout {
  public:
    virtual ~Workout() = default;
    // Once through everything; the same text for the same seed, whatever the lending.
    virtual std::string run(Instance& instance) = 0;
};

std::unique_ptr<Workout> layout_workout(Bench& bench);
std::unique_ptr<Workout> importer_workout(Bench& bench);
std::unique_ptr<Workout> fetcher_workout(Bench& bench);
std::unique_ptr<Workout> validator_workout(Bench& bench);
std::unique_ptr<Workout> workout_of(Bench& bench);

}  // namespace pmx::testkit
