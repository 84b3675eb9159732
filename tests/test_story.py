"""The story so far, and prose that the run writes: what is shown, where, and what is refused."""

import dataclasses
import json
import math
from collections import Counter
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from storedruns import RUN, read_from, store, store_answers

import d2lite as d2l
from d2lite.nets import mainline, tables
from d2lite.nets.catalog import MAINLINE, NETWORKS

ACCURACY = {"linear": 0.4, "edge_histograms": 0.5, "lenet": 0.6, "alexnet": 0.75, "vgg11_quarter": 0.7}
IMAGES = 1000


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Runs with two seeds a network up to the smaller VGG, which are 0.02 apart; costs of all but LeNet."""
    rng, runs = np.random.default_rng(0), []
    store(tmp_path)
    for network, accuracy in ACCURACY.items():
        for seed, gap in enumerate((-0.01, 0.01)):
            right = rng.permutation(IMAGES) < round((accuracy + gap) * IMAGES)
            store_answers(tmp_path, network, seed, right)
            runs.append({"network": network, "seed": seed, "test_acc": right.mean(), "lr": accuracy / 100})
    costs = [{"network": name, "parameters": 10**place, "macs": 2 * 10**place, "images_per_second": 100 * place}
             for place, name in enumerate(ACCURACY, start=3) if name != "lenet"]  # fmt: skip
    read_from(monkeypatch, store(tmp_path, runs, costs))
    yield lambda more=(), also=(): store(tmp_path, [*runs, *more], [*costs, *also])
    plt.close("all")


@pytest.fixture
def shell(monkeypatch):
    """A notebook's IPython: what is displayed, with its metadata."""
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def shown(action):
    with capture_output() as captured:
        action()
    return captured.outputs


class Table(HTMLParser):
    """The text of a table's cells, by rows, and what is bold."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.bold, self.open = [], [], []
        self.feed(html)
        assert not self.open, "a tag is left open"

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "tr" in self.open:
            self.rows[-1][-1] += data
        if "strong" in self.open:
            self.bold.append(data)


def test_every_network_has_a_name_and_a_chapter():
    assert set(NETWORKS) == {recipe.name for recipe in d2l.recipes()}
    order = list(dict.fromkeys(NETWORKS[name].chapter for name in MAINLINE))
    assert [name for name in NETWORKS if name in MAINLINE] == list(MAINLINE), "in the order of the book"
    assert [network.chapter for network in NETWORKS.values() if network.name in order] == [
        network.name for network in NETWORKS.values() if network.name in order
    ]


@pytest.mark.parametrize(
    ("upto", "last", "new"),
    [
        ("linear", "linear", ["linear"]),
        ("data_and_training", "lenet", ["linear", "edge_histograms", "lenet"]),
        ("alexnet", "alexnet", ["alexnet"]),
        ("vgg11_quarter", "vgg11_quarter", ["vgg11_quarter"]),
        ("vgg", "vgg11", ["vgg11_quarter", "vgg11"]),
        ("densenet", "densenet", ["densenet"]),
    ],
)
def test_it_goes_up_to_a_network_or_a_chapter(told, upto, last, new):
    frame = d2l.story(upto).to_frame()
    assert list(frame.index) == list(MAINLINE[: MAINLINE.index(last) + 1]) and list(frame.index[frame.new]) == new


@pytest.mark.parametrize(("upto", "match"), [("vggg", "'vgg'"), ("lennet", "'lenet'"), ("comparison", "Known: data_")])
def test_what_is_not_in_the_book_is_named(told, upto, match):
    with pytest.raises(ValueError, match=f"no story up to {upto!r}.*{match}"):
        d2l.story(upto)


def test_the_numbers_are_those_of_the_tables(told):
    frame = d2l.story("alexnet").to_frame()
    assert list(frame.accuracy) == pytest.approx([0.4, 0.5, 0.6, 0.75]) and list(frame.seeds) == [2] * 4
    assert list(frame.sd) == pytest.approx([0.02 / math.sqrt(2)] * 4)
    assert list(frame.parameters) == [10**3, 10**4, 505_526, 10**6], "LeNet's cost is not stored, and so counted"
    assert frame.macs["edge_histograms"] == 20_000 and frame.macs["lenet"] == 5_292_840
    assert list(frame.seconds.fillna(0)) == pytest.approx([10 / 3, 10 / 4, 0, 10 / 6])
    assert list(frame.memory_mb.fillna(0)) == [300, 300, 0, 300]
    assert list(frame.title)[2:] == ["LeNet", "AlexNet"] and list(frame.year)[2:] == [1998, 2012]


def test_counting_agrees_with_a_cost_that_is_measured(told):
    shape = (3, 10, 72)
    net = d2l.build(d2l.recipe("linear", "mainline"), *shape)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    found = mainline._counted("linear")
    assert (found["parameters"], found["macs"]) == (parameters, 3 * 72**2 * 10)


def test_other_kinds_sizes_and_devices_stay_out(told):
    told(
        [{"network": "lenet", "recipe": "book", "test_acc": 0.1, "input_px": 28}],
        [{"network": "lenet", "input_px": 96}, {"network": "lenet", "channels": 1},
         {"network": "linear", "device": "NVIDIA H200"}, {"network": "lenet", "device": "NVIDIA H200"}],
    )  # fmt: skip
    story = d2l.story("lenet")
    assert story.to_frame().accuracy["lenet"] == pytest.approx(0.6) and math.isnan(story.to_frame().seconds["lenet"])
    assert story.notes.endswith("Training times: CPU, 2 threads, batches of 128.")


def test_it_opens_with_the_accuracy_to_come_and_closes_with_it(told):
    opens, closes = d2l.story("vgg11_quarter", to_come=True), d2l.story("vgg11_quarter")
    for story, accuracy, seeds in ((opens, "to come", "–"), (closes, "70.00 ± 1.41", "2")):
        table = Table(story._repr_html_())
        assert table.rows[0] == [
            "network",
            "year",
            "test accuracy in %",
            "seeds",
            "parameters",
            "MACs",
            "s per 1,000 images",
        ]
        assert table.rows[-1] == ["Quarter-width VGG-11 (new)", "2014", accuracy, seeds, "10 M", "20 M", "1.43"]
        assert table.bold == table.rows[-1] and table.rows[3][2:] == ["60.00 ± 1.41", "2", "506 k", "5.29 M", "–"]
        last = str(story).splitlines()[-3]
        assert last.startswith("Quarter-width VGG-11 (new)") and accuracy in last
        assert "CIFAR-10 (JPEG q75 copy), 72 px, 45,000 training images, 10 epochs" in str(story)
        assert story.alt.endswith(f"AlexNet 75.00 ± 1.41; Quarter-width VGG-11 {accuracy}.")
        assert "nan" not in str(story) + story._repr_html_() + story.alt
    with pytest.raises(ValueError, match="'vgg11_quarter' is to come"):
        opens.step  # noqa: B018


def test_the_whole_story_has_no_new_network(told):
    whole = d2l.story()
    assert [row.network.name for row in whole.rows] == list(MAINLINE) and not any(row.new for row in whole.rows)
    assert whole.step is None and whole.step_from_best is None and "(new)" not in str(whole)


def test_a_network_that_is_not_measured_yet_is_to_come(told):
    story = d2l.story("nin")
    assert Table(story._repr_html_()).rows[-1] == ["NiN (new)", "2013", "to come", "–", "2.02 M", "60.8 M", "–"]
    assert list(story.to_frame().seeds) == [2, 2, 2, 2, 2, 0, 0]
    assert "nan" not in str(story) and story.plot()


def test_one_seed_has_no_spread(told):
    told([{"network": "vgg11", "test_acc": 0.8}])
    assert Table(d2l.story("vgg")._repr_html_()).rows[-1][2:4] == ["80.00", "1"]


def test_stored_runs_of_the_main_line_can_be_compared():
    runs = d2l.measured(recipe="mainline")
    for column in ("dataset", "input_px", "images", "epochs"):
        values = {run[column]: run["network"] for run in runs}
        assert len(values) == 1, f"runs of the main line differ in {column}: {values}. Measure the odd ones anew"
    counts = Counter((run["network"], run["seed"]) for run in runs)
    assert set(counts.values()) == {1}, (
        f"of {counts.most_common(1)[0][0]} keep one row in measured.csv, the current one"
    )


def test_the_step_says_what_it_bought_and_what_it_cost(told):
    story = d2l.story("vgg11_quarter")
    step, best = story.step, d2l.story("vgg11_quarter").step_from_best
    assert step.before.network.name == best.before.network.name == "alexnet", "here the best is the one before"
    assert step.gain == d2l.compare("vgg11_quarter", "alexnet") and step.gain.difference == pytest.approx(-0.05)
    assert (step.parameters, step.macs, step.seconds) == pytest.approx((10, 10, 6 / 7))
    error = f"{100 * step.gain.error:.1f}"
    assert step.points == "5.0 points fewer"
    assert step.bought == f"5.0 points fewer than AlexNet (paired standard error, from test images and seeds: {error})"
    few = dataclasses.replace(step, gain=dataclasses.replace(step.gain, from_images=0.0123, error=math.nan))
    assert few.bought.endswith("AlexNet (paired standard error, from test images alone: 1.2)"), "too few runs"
    assert math.isnan(story.between("lenet", "alexnet").seconds), "LeNet's time is not known"
    assert d2l.story("data_and_training").step is None and d2l.story("linear").step_from_best is None
    with pytest.raises(ValueError, match="'nin' is not in this story.*It has: linear, "):
        story.between("nin", "alexnet")


def test_the_best_so_far_is_not_always_the_one_before(told):
    told([{"network": "vgg11", "test_acc": 0.8, "seed": seed} for seed in (0, 1)])
    for seed in (0, 1):
        store_answers(mainline_folder(), "vgg11", seed, np.arange(IMAGES) < 800)
    story = d2l.story("vgg11")
    assert story.step.before.network.name == "vgg11_quarter" and story.step_from_best.before.network.name == "alexnet"
    assert "5.0 points more than AlexNet" in story.step_from_best.bought
    assert d2l.story("vgg").step.before.network.name == "alexnet", "the last one before the chapter"


def mainline_folder():
    """Where the stored runs of a test lie."""
    return tables.resources.files("d2lite.nets").joinpath("predictions").parent


def test_the_figure_shows_each_network_with_its_spread(told):
    figure = d2l.story("vgg", to_come=True).plot()
    (ax,) = figure.axes
    assert [label.get_text() for label in ax.get_yticklabels()][-2:] == ["Quarter-width VGG-11", "VGG-11"]
    assert [text.get_text() for text in ax.texts] == ["to come", "to come"]
    assert len(ax.containers) == 4 and ax.yaxis_inverted(), "the first network is on top"
    spreads = [container[2][0].get_segments()[0] for container in ax.containers]
    assert np.ptp(spreads[0][:, 0]) == pytest.approx(2 * 100 * 0.02 / math.sqrt(2)), "one standard deviation each way"
    assert figure.get_facecolor() == (1, 1, 1, 1), "white, so that it reads on dark pages too"


def test_a_notebook_gets_the_table_and_the_figure_with_alt_text(told, shell):
    story = d2l.story("alexnet")
    table, figure = shown(story._ipython_display_)
    assert table.data == {"text/html": story._repr_html_(), "text/plain": str(story)}
    assert figure.metadata["image/png"]["alt"] == story.alt and not plt.get_fignums()


def test_before_anything_is_known_there_is_nothing_to_draw(told, shell):
    (table,) = shown(d2l.story("data_and_training", to_come=True)._ipython_display_)
    assert table.data["text/plain"].count("to come") == 3


# Prose with numbers


def test_a_notebook_gets_markdown_that_can_be_told_again(shell):
    values = {
        "network": "LeNet",
        "accuracy": torch.tensor(0.5).sqrt(),
        "images": np.int64(12_345),
        "points": np.float32(1),
    }
    template = "**{network}** gets {accuracy:.1%} of {images:,} right, {points:+.1f} points more. {{No field.}}"
    (output,) = shown(lambda: d2l.tell(template, **values))
    text = "**LeNet** gets 70.7% of 12,345 right, +1.0 points more. {No field.}"
    assert output.data == {"text/markdown": text, "text/plain": text}
    kept = json.loads(json.dumps(output.metadata, allow_nan=False))["d2lite"]
    assert kept["template"] == template and kept["template"].format(**kept["values"]) == text
    assert "In {images} Bildern".format(**kept["values"]) == "In 12345 Bildern", "a translation has the numbers"


def test_a_terminal_gets_text(capsys):
    d2l.tell("{a:.2f} is {b}.", a=0.126, b="small")
    assert capsys.readouterr().out == "0.13 is small.\n"


def test_a_quick_run_is_called_one_where_asked(monkeypatch, capsys, shell):
    for profile, asked, said in (("quick", True, True), ("quick", False, False), ("full", True, False)):
        monkeypatch.setenv("D2LITE_PROFILE", profile)
        (output,) = shown(lambda asked=asked: d2l.tell("{a}.", a=1, quick_run=asked))
        assert ("quick run" in output.data["text/markdown"]) == said
        kept = output.metadata["d2lite"]
        assert kept["template"].format(**kept["values"]) == output.data["text/markdown"]


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float32("nan"), torch.tensor(math.nan), None, [1], 1j])
def test_what_is_no_finite_number_is_not_told(value):
    with pytest.raises(ValueError, match="gain is .*Is a result missing"):
        d2l.tell("{gain} points", gain=value)


@pytest.mark.parametrize("template", ["{b:.1%}", "{}", "{a.real}", "{a[0]}", "{0}"])
def test_a_field_without_its_value_is_named(template):
    with pytest.raises(ValueError, match="the template names .*Given: a"):
        d2l.tell(template, a=1.0)


def test_the_stored_main_line_is_one_story():
    """What is in the package: whatever of it is measured by now, it can be shown."""
    story = d2l.story("densenet")
    assert len(story.rows) == len(MAINLINE) and "nan" not in str(story)
    assert RUN["dataset"] in story.notes
