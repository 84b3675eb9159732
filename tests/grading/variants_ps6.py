"""Wrong solutions of problem set 6, and the marks each must get."""
# ruff: noqa: E501 - pieces of the solutions, as long as they are there

from pieces import solution_of

SET = "ps6-design"
but = solution_of(SET)


_UNSEEN = {"test-claim", "test-base", "test-good", "test-excellent"}
_TRAINED = "weights = train_design(design, DATA, epochs=18, peak=0.02, seed=0, augment=shake)"
_VALIDATION_AS_TRAINING = (
    _TRAINED,
    'seen = {**DATA, "train": DATA["validation"]}\n'
    'weights = train_design(design, seen, epochs=30, peak=0.02, seed=0)',
)  # fmt: skip

#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "factors-pool-saves-weights": (
        {"factors": "factors = [1 / 4, 1 / 4, 1, 4, 1 / 4, 1 / 4, 1 / 4, 4]"}, {"test-factors"},
    ),
    "clear-either-way": (
        but("clear", ("statistics.mean(a) - statistics.mean(b) >", "abs(statistics.mean(a) - statistics.mean(b)) >")),
        {"test-clear"},
    ),
    "clear-own-spread": (
        but("clear", ("3 * SPREAD * math.sqrt(1 / len(a) + 1 / len(b))",
                      "3 * math.hypot(statistics.stdev(a) / len(a) ** 0.5, statistics.stdev(b) / len(b) ** 0.5)")),
        {"test-clear"},
    ),
    "clear-one-list-scatters": (
        but("clear", ("math.sqrt(1 / len(a) + 1 / len(b))", "math.sqrt(2 / len(a))")), {"test-clear"},
    ),
    "digit-error-of-pictures": (
        {"digit-error": "def digit_error(right, copies):\n    return (right.std() / math.sqrt(len(right))).item()"},
        {"test-digit-error"},
    ),
    "digit-error-over-all": (
        but("digit-error", ("math.sqrt(len(of_digits))", "math.sqrt(4)")), {"test-digit-error"},
    ),
    "digit-error-side-by-side": (
        but("digit-error", ("reshape(copies, -1).mean(0)", "reshape(-1, copies).mean(1)")), {"test-digit-error"},
    ),
    "repair-nothing": (
        but("repair", ("X[order], labels[order]", "X[order], labels[torch.randperm(len(X))]")),
        {"test-learns", "test-repeated", *_UNSEEN},
    ),
    "repair-without-shuffle": (but("repair", ("torch.randperm(len(X))", "torch.arange(len(X))")), {"test-learns"}),
    "repair-weights-go-on": (
        but("repair", ("{name: value.clone() for name, value in net.state_dict().items()}", "net.state_dict()")),
        {"test-kept"},
    ),
    "repair-chooses-by-test": (
        but("repair", ('        reached = accuracy(net, *data["validation"])\n        if reached > best:\n            best, weights = reached,',
                       '        tested = accuracy(net, *data["test"])\n        if tested > best:\n'
                       '            best, reached = tested, accuracy(net, *data["validation"])\n            weights ='),
            ('"validation": best', '"validation": reached')), {"test-validation"},
    ),
    "repair-keeps-the-last-epoch": (but("repair", ("if reached > best:", "if True:")), {"test-best"}),
    "repair-shakes-validation": (  # and so the evidence, which an honest recipe has given, is not repeated
        but("repair", ('        reached = accuracy(net, *data["validation"])\n',
                       '        pictures, truth = data["validation"]\n'
                       "        reached = accuracy(net, pictures if augment is None else augment(pictures, epoch), truth)\n")),
        {"test-validation", "test-repeated"},
    ),
    "evidence-two-designs": (
        but("evidence", ("[*convolution(6), *convolution(6), POOL, *convolution(16), *convolution(16), *HEAD]", "BASELINE")),
        {"test-evidence"},
    ),
    "evidence-made-up": (but("evidence", ("[0.378, 0.409, 0.48]", "[0.91, 0.93, 0.92]")), {"test-repeated", "test-follows"}),
    "design-over-the-budget": (
        but("evidence", ("*convolution(16), *convolution(16), POOL, *convolution(24)",
                         "*convolution(24), *convolution(24), POOL, *convolution(24)")),
        {"test-evidence", "test-design", *_UNSEEN},
    ),
    "design-against-the-evidence": (
        but("design", ("evidence[1]", "evidence[0]")), {"test-follows", "test-claim", "test-good", "test-excellent"},
    ),
    "design-of-no-row": (
        but("design", ('evidence[1]["design"]', '[*convolution(8, 5), POOL, *convolution(16), *convolution(16), POOL, *convolution(23), *HEAD]')),
        {"test-follows"},
    ),
    "claim-as-on-validation": ({"claim": "claim = (0.935, 0.995)"}, {"test-claim"}),
    "claim-too-wide": ({"claim": "claim = (0.5, 1.0)"}, {"test-claim"}),
    "weights-nan": (
        but("train", ('["weights"]', '["weights"]\nweights = {name: value * math.nan if value.is_floating_point() else value'
                                     " for name, value in weights.items()}")), _UNSEEN,
    ),
    "training-without-augmentation": (but("train", (", augment=shake", "")), _UNSEEN),
    "trained-on-validation": (but("train", _VALIDATION_AS_TRAINING), {"test-claim", "test-good", "test-excellent"}),
}  # fmt: skip
#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-clear": "clear-one-list-scatters",
    "test-digit-error": "digit-error-over-all",
    "test-learns": "repair-without-shuffle",
    "test-validation": "repair-chooses-by-test",
    "test-kept": "repair-weights-go-on",
    "test-best": "repair-keeps-the-last-epoch",
    "test-follows": "design-against-the-evidence",
    "test-claim": "claim-as-on-validation",
    "test-base": "training-without-augmentation",
    "test-good": "trained-on-validation",
    "test-excellent": "trained-on-validation",
}
