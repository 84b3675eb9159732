"""Wrong solutions of problem set 7, and the marks each must get."""
# ruff: noqa: E501 - pieces of the solutions, as long as they are there

from pieces import solution_of

SET = "ps7-own-images"
but = solution_of(SET)


_FROM_THE_TOP = """    best = math.inf
    for lowest in sure.unique().flip(0):
        if right[sure >= lowest].double().mean() < wanted:
            break
        best = lowest.item()
    return best
"""
_ONE_BY_ONE = """    order = sure.argsort(descending=True, stable=True)
    shares = right[order].double().cumsum(0) / torch.arange(1, len(order) + 1)
    kept = torch.nonzero(shares >= wanted)
    return sure[order[kept[-1, 0]]].item() if len(kept) else math.inf
"""
_SEARCH = """    for lowest in sure.unique():  # in rising order
        if right[sure >= lowest].double().mean() >= wanted:
            return lowest.item()
    return math.inf
"""

#: name → (replaced solution cells, test cells that must get 0; all others full)
VARIANTS = {
    "prepare-pads-on-one-side": (
        but("prepare", ("more_columns // 2, more_columns - more_columns // 2", "0, more_columns"),
            ("more_rows // 2, more_rows - more_rows // 2", "0, more_rows")), {"test-prepare"},
    ),
    "prepare-larger-half-first": (
        but("prepare", ("(more_columns // 2, more_columns - more_columns // 2", "(more_columns - more_columns // 2, more_columns // 2"),
            ("more_rows // 2, more_rows - more_rows // 2)", "more_rows - more_rows // 2, more_rows // 2)")), {"test-prepare"},
    ),
    "prepare-pads-black": (
        but("prepare", ("    return F.interpolate(normal[None]", "    normal = torch.where(normal == 0, -mean / std, normal)\n    return F.interpolate(normal[None]")),
        {"test-prepare", "test-prepare-opacity"},
    ),
    "prepare-opaque-or-not": (
        but("prepare", ("normal * values[3]", "normal * (values[3] > 0.5)")), {"test-prepare-opacity"},
    ),
    "prepare-forgets-opacity": (
        but("prepare", ("normal = normal * values[3]", "pass")), {"test-prepare-opacity"},
    ),
    "alike-without-the-mean": (
        but("most-alike", ("        vectors = vectors - vectors.mean(dim=1, keepdim=True)\n", "")),
        {"test-alike", "test-alike-flat"},
    ),
    "alike-in-bytes": (
        but("most-alike", ("pictures.double().flatten(1)", "pictures.flatten(1)"),
            ("vectors - vectors.mean(dim=1, keepdim=True)", "vectors - vectors.double().mean(dim=1, keepdim=True).to(pictures.dtype)"),
            ("return vectors / vectors", "vectors = vectors.double()\n        return vectors / vectors")),
        {"test-alike"},
    ),
    "alike-flat-training-picture": (
        but("most-alike", (".clamp(min=1e-9)", ""),
            ("    return which, correlation", "    flat = test.double().flatten(1).std(dim=1) == 0\n"
             "    return which, torch.where(flat, 0.0, correlation)")), {"test-alike-flat"},
    ),
    "hold-out-pictures": (
        but("hold-out", ("torch.isin(walls, different[order[:count]])", "torch.rand(len(walls)) < share")), {"test-hold-out"},
    ),
    "hold-out-numbers-from-zero": (but("hold-out", ("different[order[:count]]", "order[:count]")), {"test-hold-out"}),
    "hold-out-may-be-none": (
        but("hold-out", ("min(max(round(share * len(different)), 1), len(different) - 1)", "round(share * len(different))")),
        {"test-hold-out"},
    ),
    "fit-single-precision": (but("fit", (".to(features.dtype)", ".float()")), {"test-fit", "test-fit-bias"}),
    "fit-strength-squared": (
        but("fit", ("strength * torch.eye", "strength**2 / 2 * torch.eye")), {"test-fit"},
    ),
    "fit-bias-is-the-mean-target": (but("fit", ("return weight, share - mean @ weight", "return weight, share")), {"test-fit-bias"}),
    "by-wall-leaves-out-pictures": (
        but("right-by-wall", ("    right = 0", "    walls, right = torch.arange(len(labels)), 0")), {"test-by-wall"},
    ),
    "by-wall-mean-of-walls": (
        but("right-by-wall", ("== labels[left_out]).sum().item()", "== labels[left_out]).double().mean().item()"),
            ("return right / len(labels)", "return right / len(walls.unique())")), {"test-by-wall"},
    ),
    "repaired-in-place": (but("repaired", ("    net = copy.deepcopy(net)\n", "")), {"test-original"}),
    "repaired-changes-the-mode": (but("repaired", ("copy.deepcopy(net)", "copy.deepcopy(net.eval())")), {"test-original"}),
    "repaired-head-of-before": (
        but("repaired", ("{\"params\": net.head.parameters(), \"lr\": rate}", "{\"params\": [], \"lr\": rate}")),
        {"test-new-layer", "test-frozen", "test-rates"},  # with a last layer of zeros, nothing learns
    ),
    "repaired-random-start": (
        but("repaired", ("    nn.init.zeros_(net.head.weight)\n    nn.init.zeros_(net.head.bias)\n", "")), {"test-new-layer"},
    ),
    "repaired-nothing-frozen": (but("repaired", ("            layer.eval()", "            pass")), {"test-frozen"}),
    "repaired-frozen-in-part": (
        but("repaired", ("            layer.eval()", "            layer.momentum = 0.0")), {"test-frozen"},
    ),
    "repaired-in-training-mode": (but("repaired", ("return net.eval()", "return net")), {"test-frozen"}),
    "repaired-one-rate": (but("repaired", ("rate / 10", "rate")), {"test-rates"}),
    "repaired-without-momentum": (but("repaired", ("momentum=0.9)", "momentum=0.0)")), {"test-rates"}),
    "in-use-as-in-training": ({"in-use": "in_use = [0.5, 0.9, 0.98]"}, {"test-in-use"}),
    "in-use-crosses-alone": ({"in-use": "in_use = [0.018, 0.9, 0.98]"}, {"test-in-use"}),
    "for-use-whatever-the-training": (but("for-use", (" - trained.log()", "")), {"test-for-use"}),
    "for-use-a-little-of-everything": (
        but("for-use", ("used.log()", "used.clamp(min=1e-4).log()")), {"test-for-use-never"},
    ),
    "for-use-only-what-comes": (
        but("for-use", ("    return logits", "    if used.min() == 0:\n        return logits.masked_fill(used == 0, -math.inf)\n    return logits")),
        {"test-for-use-never"},
    ),
    "threshold-down-to-the-first-failure": (but("threshold", (_SEARCH, _FROM_THE_TOP)), {"test-threshold"}),
    "threshold-one-by-one": (but("threshold", (_SEARCH, _ONE_BY_ONE)), {"test-threshold-ties"}),
    "threshold-none-is-one": (but("threshold", ("return math.inf", "return 1.0")), {"test-threshold-ties"}),
}  # fmt: skip
#: test cell with a hidden block → a variant that its visible part lets through and the hidden part catches
CAUGHT = {
    "test-prepare": "prepare-larger-half-first",
    "test-prepare-opacity": "prepare-opaque-or-not",
    "test-alike": "alike-in-bytes",
    "test-alike-flat": "alike-flat-training-picture",
    "test-hold-out": "hold-out-numbers-from-zero",
    "test-fit": "fit-single-precision",
    "test-fit-bias": "fit-bias-is-the-mean-target",
    "test-by-wall": "by-wall-mean-of-walls",
    "test-original": "repaired-changes-the-mode",
    "test-new-layer": "repaired-random-start",
    "test-frozen": "repaired-frozen-in-part",
    "test-rates": "repaired-one-rate",
    "test-for-use": "for-use-whatever-the-training",
    "test-for-use-never": "for-use-only-what-comes",
    "test-threshold": "threshold-down-to-the-first-failure",
    "test-threshold-ties": "threshold-one-by-one",
}
