import math


def test_probabilities_sum_to_one_and_everything_that_can_be_done_has_one(visits):
    for _, moments in visits:
        for moment in moments:
            assert math.isclose(sum(choice.probability for choice in moment.choices), 1, abs_tol=1e-9)
            assert all(choice.probability > 0 for choice in moment.choices)
            done = {choice.act for choice in moment.choices}
            assert done == {None, *range(len(moment.view.acts))}
            keys = [(choice.act, choice.text) for choice in moment.choices]
            assert len(keys) == len(set(keys))


def test_the_same_arguments_give_the_same_choices(visits, policy):
    for shopper, moments in visits[:20]:
        for moment in moments:
            assert policy.choices(moment.view, moment.memory, shopper) == moment.choices
