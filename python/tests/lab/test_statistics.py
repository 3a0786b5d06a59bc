"""Figures on data whose truth is known."""

import math
import random

import pytest

from pmx.lab import statistics


def noisy(dice, spread, disturbed=0.05):
    """A time as a machine gives it: a narrow hump, and now and then a run that something else held up."""
    value = dice.lognormvariate(0, spread)
    return value * (1 + 0.3 * dice.random()) if dice.random() < disturbed else value


def study(seed, blocks, effect, spread):
    dice = random.Random(seed)
    return statistics.ratio([(effect * noisy(dice, spread), noisy(dice, spread)) for _ in range(blocks)])


def test_twenty_null_studies_give_at_most_two_verdicts_other_than_same():
    verdicts = [study(seed, 36, 1.0, 0.01).verdict for seed in range(20)]
    assert sum(not v.startswith("same") for v in verdicts) <= 2, verdicts


def test_a_planted_slowdown_of_five_per_cent_is_found_in_nine_of_ten_studies():
    verdicts = [study(seed, 24, 1.05, 0.02).verdict for seed in range(10)]
    assert verdicts.count("slower") >= 9, verdicts


def test_a_planted_gain_is_never_called_slower():
    assert all(study(seed, 12, 0.9, 0.03).verdict != "slower" for seed in range(10))


def test_noise_that_hides_everything_is_unclear_and_not_same():
    verdicts = [study(seed, 8, 1.0, 0.2).verdict for seed in range(20)]
    assert verdicts.count("unclear") >= 18 and not any(v.startswith("same") for v in verdicts)


def test_the_figure_is_the_median_of_ratios_inside_blocks():
    pairs = [(1.0, 2.0), (2.0, 4.0), (30.0, 60.0)]  # three very different hours, one ratio
    figure = statistics.ratio(pairs)
    assert figure.ratio == pytest.approx(0.5)
    assert figure.low == pytest.approx(0.5) and figure.high == pytest.approx(0.5)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    hits = sum(f.low <= 1.0 <= f.high for f in (study(seed, 10, 1.0, 0.02) for seed in range(60)))
    assert hits >= 52


def test_the_sign_flip_test_is_exact():
    assert statistics.sign_flip([1.0] * 5) == pytest.approx(2 / 32)
    assert statistics.sign_flip([1.0] * 6) == pytest.approx(2 / 64)
    assert statistics.sign_flip([1, -2, 3]) == pytest.approx(0.75)  # rank sums 0..6: 4 or more, or 2 or less: 6 of 8
    assert statistics.sign_flip([]) == 1.0
    assert statistics.sign_flip([0.0, 0.0]) == 1.0


def test_many_values_are_not_counted_and_say_the_same():
    dice = random.Random(2)
    for shift in (0, 0.1, 0.2, 0.3):
        values = [dice.gauss(shift, 1) for _ in range(statistics.EXACT + 1)]
        assert statistics.sign_flip(values) == pytest.approx(statistics.sign_flip(values, exact=100), abs=0.003)
    assert statistics.sign_flip([1.0, -1.0] * 1000) > 0.9 and statistics.sign_flip([1.0] * 2000) < 1e-100
    assert statistics.sign_flip([i * (-1) ** i for i in range(1, 101)]) <= 1.0


def test_five_pairs_prove_nothing_however_far_apart():
    assert statistics.ratio([(1.0 + i / 1000, 2.0) for i in range(5)]).verdict == "unclear"


def test_few_or_no_pairs():
    assert statistics.ratio([]).verdict == "nothing measured"
    assert statistics.ratio([(1, 2)]).verdict == "unclear"
    assert statistics.ratio([(1, 2)]).against(0.9) == "unclear"


def test_a_limit_is_reached_missed_or_unclear():
    clear = statistics.ratio([(0.5 + i / 1000, 1.0) for i in range(10)])
    assert clear.against(0.6) == "reached"
    assert clear.against(0.4) == "missed"
    assert clear.against(clear.ratio) == "unclear"


def test_the_same_pairs_give_the_same_figure():
    one, two = study(3, 12, 1.01, 0.02), study(3, 12, 1.01, 0.02)
    assert (one.low, one.high, one.p) == (two.low, two.high, two.p)


def factorial(effect_a, effect_b, joint, blocks=12):
    dice = random.Random(5)
    table = []
    for _ in range(blocks):
        hour = dice.uniform(1, 3)
        table.append({(("a", a), ("b", b)): hour * (effect_a if a else 1) * (effect_b if b else 1) * (joint if a and b else 1)
                      * dice.lognormvariate(0, 0.003) for a in (0, 1) for b in (0, 1)})
    return dict(statistics.effects(table))


def test_effects_that_add_up_have_no_interaction():
    found = factorial(0.8, 0.9, 1.0)
    assert found["b: 0 → 1"].ratio == pytest.approx(0.9, rel=0.01)
    assert found["a: 0 → 1"].ratio == pytest.approx(0.8, rel=0.01)
    assert found["a=1 with b=1"].verdict.startswith("same")


def test_two_gains_that_are_no_gain_together_show_as_an_interaction():
    found = factorial(0.8, 0.9, 1.3)
    assert found["a=1 with b=1"].ratio == pytest.approx(1.3, rel=0.02)
    assert found["a=1 with b=1"].verdict == "slower"


def test_an_incomplete_block_gives_no_effect():
    assert statistics.effects([]) == []
    found = dict(statistics.effects([{(("a", 0),): 1.0, (("a", 1),): 0.5}, {(("a", 1),): 0.5}]))
    assert found["a: 0 → 1"].pairs == 1


def test_quartiles():
    assert statistics.quartiles([4, 1, 3, 2, 5]) == (2, 3, 4)
    assert statistics.quartiles([7]) == (7, 7, 7)
    assert math.isclose(statistics.quartiles([1, 2])[1], 1.5)
