"""Wrong solutions of problem set 6, and the marks each must get."""
# ruff: noqa: E501 - pieces of the solutions, as long as they are there

import re
from pathlib import Path

SET = "ps6-design"
_TEXT = (Path(__file__).parents[2] / f"assignments/source/{SET}/{SET}.md").read_text(encoding="utf-8")


def but(cell: str, *changes: tuple[str, str]) -> dict[str, str]:
    """The model solution of a cell with pieces of it replaced: {cell: source}."""
    source = re.search(rf"grade_id: {cell}, solution: true\}}\n(.*?)\n```", _TEXT, re.S)[1]
    for old, new in changes:
        assert old in source, (cell, old)
        source = source.replace(old, new)
    return {cell: source}


_FINAL = {"test-base", "test-good", "test-excellent"}
_VALIDATION_AS_TRAINING = (
    "weights = train_design(design, DATA, epochs=18, peak=0.02, seed=0, augment=camera)",
    'seen = {**DATA, "train": DATA["validation"]}\n'
    "weights = train_design(design, seen, epochs=30, peak=0.02, seed=0)",
)  # fmt: skip
_HEAD = '[("norm",), ("relu",), ("global_pool",), ("linear", 10)]'

#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "factors-pool-saves-weights": (
        {"factors": "factors = [1 / 4, 1 / 4, 1, 4, 1 / 4, 1 / 4, 1 / 4, 4]"}, {"test-factors"},
    ),
    "parameters-branches-in-a-chain": (
        but("parameters", (
            "                found = [walk(branch, channels) for branch in rest]\n"
            "                total += sum(count for count, _ in found)\n"
            "                channels = sum(after for _, after in found)",
            "                for branch in rest:\n"
            "                    count, channels = walk(branch, channels)\n"
            "                    total += count",
        )), {"test-parameters"},
    ),
    "parameters-empty-branch-has-no-channels": (
        but("parameters", ("sum(after for _, after in found)",
                           "sum(after for branch, (_, after) in zip(rest, found) if branch)")), {"test-parameters"},
    ),
    "parameters-by-building": (
        {"parameters": "def count_parameters(design, in_channels):\n"
                       "    return sum(p.numel() for p in build(design, in_channels).parameters())"}, {"test-parameters"},
    ),
    "macs-stride-rounds-down": (but("macs", ("(side - 1) // stride + 1", "side // stride")), {"test-macs"}),
    "macs-branches-keep-the-side": (but("macs", (", found[0][2]", ", side")), {"test-macs"}),
    "clear-n": (but("clear", ("statistics.stdev", "statistics.pstdev")), {"test-clear"}),
    "clear-errors-added": (but("clear", ("math.hypot(error_a, error_b)", "(error_a + error_b)")), {"test-clear"}),
    "clear-either-way": (but("clear", ("mean_a - mean_b >", "abs(mean_a - mean_b) >")), {"test-clear"}),
    "clear-pooled": (
        but("clear", ("    (mean_a, error_a), (mean_b, error_b) = summarize(a), summarize(b)\n",
                      "    pooled = (len(a) - 1) * statistics.variance(a) + (len(b) - 1) * statistics.variance(b)\n"
                      "    pooled *= (1 / len(a) + 1 / len(b)) / (len(a) + len(b) - 2)\n"),
            ("mean_a - mean_b > 3 * math.hypot(error_a, error_b)",
             "statistics.mean(a) - statistics.mean(b) > 3 * math.sqrt(pooled)")), {"test-clear"},
    ),
    "clear-divides-by-the-spread": (
        but("clear", ("mean_a - mean_b > 3 * math.hypot(error_a, error_b)",
                      "(mean_a - mean_b) / math.hypot(error_a, error_b) > 3")), {"test-clear"},
    ),
    "frontier-nan-stays": (
        but("frontier", ("\n             for row in rows if not any(math.isnan(value) for value in row[\"validation\"])]",
                         " for row in rows]")), {"test-frontier"},
    ),
    "frontier-strict": (
        but("frontier", ("p[:3] != q[:3] and all(a <= b", "all(a < b")), {"test-frontier"},
    ),
    "choose-leader-by-test": (
        but("choose", ('key=lambda row: statistics.mean(row["validation"])', 'key=lambda row: statistics.mean(row["test"])')),
        {"test-choose"},
    ),
    "choose-leader-of-all": (
        but("choose", ("leader = max(fits,", 'leader = max((r for r in rows if r["validation"][0] > 0),')), {"test-choose"},
    ),
    "rate-falls-on-a-line": (
        but("rate", ("peak / 2 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))",
                     "peak * (1 - (step - warmup) / (steps - warmup))")), {"test-rate"},
    ),
    "shift-rolls": (
        {"shift": """
def random_shift(images, reach, seed):
    dice = torch.Generator().manual_seed(seed)
    moves = torch.randint(-reach, reach + 1, (len(images), 2), generator=dice).tolist()
    return torch.stack([image.roll((down, right), (1, 2)) for image, (down, right) in zip(images, moves)])
"""}, {"test-shift"},
    ),
    "shift-all-alike": (but("shift", ("(2, n), generator=dice)", "(2, 1), generator=dice).expand(2, n)")), {"test-shift"}),
    "shift-by-resampling": ({"shift": '''
def random_shift(images, reach, seed):
    n, _, height, width = images.shape
    down, right = torch.randint(-reach, reach + 1, (2, n), generator=torch.Generator().manual_seed(seed))
    moves = torch.eye(2, 3).repeat(n, 1, 1)
    moves[:, 0, 2], moves[:, 1, 2] = 2 * right / width, 2 * down / height
    grid = F.affine_grid(moves, images.shape, align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)
'''}, set()),
    "repair-nothing": (
        but("repair", ("X[order], labels[order]", "X[order], labels[torch.randperm(len(X))]")),
        {"test-learns", *_FINAL},
    ),
    "repair-without-shuffle": (but("repair", ("torch.randperm(len(X))", "torch.arange(len(X))")), {"test-learns"}),
    "repair-weights-go-on": (
        but("repair", ("{name: value.clone() for name, value in net.state_dict().items()}", "net.state_dict()")),
        {"test-honest"},
    ),
    "repair-chooses-by-test": (
        but("repair", ('        reached = accuracy(net, *data["validation"])\n        if reached > best:\n            best, weights = reached,',
                       '        tested = accuracy(net, *data["test"])\n        if tested > best:\n'
                       '            best, reached = tested, accuracy(net, *data["validation"])\n            weights ='),
            ('"validation": best', '"validation": reached')), {"test-honest"},
    ),
    "repair-keeps-the-last-epoch": (but("repair", ("if reached > best:", "if True:")), {"test-honest"}),
    "repair-shakes-validation": (
        but("repair", ('        reached = accuracy(net, *data["validation"])\n',
                       '        pictures, truth = data["validation"]\n'
                       "        reached = accuracy(net, pictures if augment is None else augment(pictures, epoch), truth)\n")),
        {"test-honest"},
    ),
    "design-over-the-budget": (
        but("design", ("*convolution(16), *convolution(16)", "*convolution(24), *convolution(24)")),
        {"test-design", *_FINAL},
    ),
    "weights-nan": (
        but("train", ('["weights"]', '["weights"]\nweights = {name: value * math.nan if value.is_floating_point() else value'
                                     " for name, value in weights.items()}")), _FINAL,
    ),
    "training-without-augmentation": (but("train", (", augment=camera", "")), _FINAL),
    "training-with-shifts-only": (but("train", ("augment=camera", "augment=shake")), {"test-good", "test-excellent"}),
    "trained-on-validation-one-large-kernel": (
        {"design": f'design = [("conv", 32, 11, 4, 1), *{_HEAD}]', **but("train", _VALIDATION_AS_TRAINING)}, _FINAL,
    ),
    "trained-on-validation": (but("train", _VALIDATION_AS_TRAINING), {"test-good", "test-excellent"}),
}  # fmt: skip
#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-parameters": "parameters-branches-in-a-chain",
    "test-macs": "macs-stride-rounds-down",
    "test-clear": "clear-errors-added",
    "test-frontier": "frontier-nan-stays",
    "test-choose": "choose-leader-of-all",
    "test-rate": "rate-falls-on-a-line",
    "test-shift": "shift-rolls",
    "test-learns": "repair-without-shuffle",
    "test-honest": "repair-chooses-by-test",
    "test-base": "trained-on-validation-one-large-kernel",
    "test-good": "trained-on-validation",
    "test-excellent": "trained-on-validation",
}
