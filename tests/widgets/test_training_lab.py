"""The training lab: every control does something, runs are compared, challenges are earned, and the page stays free."""

import pytest
from training_engine import open_engine

from d2lite.widgets import TrainingLab
from d2lite.widgets.training_lab import FIRST, KINDS, settings_of
from tests.browser import STATE, Mounted, html, tasks

SMALL = {"depth": 4, "width": 4, "batch": 64}  # an epoch of which takes a moment
WAIT = 60_000  # milliseconds, at most: others may need the machine
MOUNTED = ".d2l-widget[data-mounted]"
NO_WORKER = "window.Worker = class { constructor() { throw new Error('none here'); } }; 0"
NO_MEMORY = """() => {
    const Real = Float32Array;
    window.WebAssembly = undefined;
    window.Float32Array = class extends Real {
        constructor(size, ...more) {
            if (size > 5e6) throw new RangeError("Array buffer allocation failed");
            super(size, ...more);
        }
    };
}"""
RESULT = "document.querySelector('.d2l-widget').model.get('result')"


class Bench(Mounted):
    """The lab on a page."""

    def button(self, name: str):
        """A button by its text."""
        return self.page.get_by_role("button", name=name, exact=True)

    def until(self, condition: str) -> dict:
        """Waits until ``condition``, of the numbers on the page, is true; returns them."""
        self.page.wait_for_function(f"(({{ runs, ...result }}) => {condition})({RESULT})", timeout=WAIT)
        return self.result

    def train(self, *runs, until="!result.training", **options) -> dict:
        """Opens the lab with these runs and trains them."""
        self.open(TrainingLab(*runs, **options))
        return self.go(until)

    def go(self, until: str = "!result.training") -> dict:
        """Trains, if it does not do so already, and waits."""
        if not self.result["training"]:
            self.button("▶ Train").click()
        self.until("result.training")
        return self.until(until)

    def met(self) -> list[str]:
        """Challenges that have their tick."""
        ticked = ".d2l-challenges li:has([aria-label=met])"
        return self.page.locator(ticked).evaluate_all("all => all.map((node) => node.dataset.challenge)")


@pytest.fixture
def lab(blank):
    """The lab in a page without network; after the test nothing may have gone wrong there."""
    with Bench(blank(offline=True)) as shown:
        yield shown


def test_the_first_frame_shows_what_was_recorded_and_training_draws_over_it(lab):
    lab.open(TrainingLab())
    result = lab.until("result.seen && runs.every(({ norms }) => norms.length)")
    assert [run["kind"] for run in result["runs"]] == [*FIRST]
    assert "faint" in lab.say and "yours will retrace them" in lab.say
    faint = lab.page.locator(".d2l-charts svg").first.locator("path[opacity]")
    assert faint.count() == 3
    assert [len(run["norms"]) for run in result["runs"]] == [20] * 3, "a bar a layer, before training"
    assert lab.page.locator(".d2l-layers svg rect").count() == 20
    assert sum(result["seen"]["probabilities"]) == pytest.approx(1, abs=1e-4)
    lab.page.get_by_role("button", name="C BatchNorm + shortcuts").click()
    assert lab.page.locator("summary", has_text="Settings of run C").count() == 1
    lab.press("rate", "ArrowRight")
    assert faint.count() == 2, "what was recorded had other settings"


def test_no_answer_is_given_away_where_a_question_stands_before(lab):
    lab.open(TrainingLab(preview=False))
    lab.until("result.seen")
    assert lab.page.locator(".d2l-charts path[opacity]").count() == 0 and "faint" not in lab.say
    lab.button("reset").click()
    lab.until("result.seen")
    assert lab.page.locator(".d2l-charts path[opacity]").count() == 0


def test_runs_train_pause_step_and_start_over(lab):
    longer = {"depth": 8, "width": 8, "batch": 16}  # a few seconds, which leave time to pause
    result = lab.train({"kind": "both", **longer}, {"kind": "plain", **longer}, until="runs[0].steps > 5")
    assert result["training"]
    lab.button("❚❚ Pause").click()
    paused = lab.until("!result.training")
    lab.page.wait_for_timeout(400)
    paused = lab.result
    lab.page.wait_for_timeout(400)
    assert [run["steps"] for run in lab.result["runs"]] == [run["steps"] for run in paused["runs"]]
    lab.button("one step").click()
    lab.until(
        f"runs[0].steps === {paused['runs'][0]['steps'] + 1} && runs[1].steps === {paused['runs'][1]['steps'] + 1}"
    )
    result = lab.go()
    assert all(6 <= run["epochs"] < 6.1 for run in result["runs"])
    assert result["runs"][0]["test_accuracy"] > 0.3 and len(result["runs"][0]["losses"]) == 64
    assert "A reads" in lab.say and lab.page.locator(".d2l-chip em").first.inner_text().endswith("%")
    losses = result["runs"][0]["losses"]
    lab.button("start over").click()
    assert lab.until("runs[0].steps === 0")["runs"][1]["epochs"] == 0
    lab.button("▶ Train").click()
    assert lab.until("runs[0].losses.length === 64")["runs"][0]["losses"] == losses, "same seed, same curve"


def test_a_fork_goes_on_from_where_its_run_is_and_then_its_own_way(lab):
    lab.open(TrainingLab({"kind": "BatchNorm", **SMALL}))
    for _ in range(4):
        lab.button("one step").click()
    lab.until("runs[0].steps === 4")
    lab.button("fork").click()
    result = lab.until("runs.length === 2 && !result.training")
    assert result["selected"] == 1 and result["runs"][0]["losses"] == result["runs"][1]["losses"]
    before = result["runs"][0]["steps"]
    for _ in range(3):
        lab.button("one step").click()
    result = lab.until(f"runs.every(({{ steps }}) => steps === {before + 3})")
    assert result["runs"][0]["losses"] == result["runs"][1]["losses"], "nothing was changed yet"
    lab.press("rate", "Home")
    lab.page.locator("[data-trait=batch] select").select_option("16")
    for _ in range(3):
        lab.button("one step").click()
    result = lab.until(f"runs.every(({{ steps }}) => steps === {before + 6})")
    assert (result["runs"][1]["rate"], result["runs"][1]["batch"]) == (1e-4, 16)
    assert result["runs"][0]["losses"][: before + 3] == result["runs"][1]["losses"][: before + 3]
    assert result["runs"][0]["losses"] != result["runs"][1]["losses"]
    assert lab.get("runs")[1]["rate"] == 1e-4, "the trait has what was set"
    lab.press("depth", "ArrowRight")
    assert lab.until("runs[1].depth === 6")["runs"][1]["steps"] == 0, "another network starts anew"
    for count in (3, 4, 4):
        lab.button("fork").dispatch_event("click")
        lab.until(f"runs.length === {count}")
    assert lab.button("fork").get_attribute("aria-disabled") == "true", "four at most"
    letters = lab.page.locator(".d2l-charts svg").first.locator("text.d2l-halo").all_text_contents()
    assert {"A", "B", "C", "D"} <= set(letters)
    for count in (3, 2, 1, 1):
        lab.button("remove").dispatch_event("click")
        lab.until(f"runs.length === {count}")


@pytest.mark.parametrize(
    ("trait", "key", "value"),
    [("kind", "ArrowDown", "BatchNorm"), ("activation", "End", "GELU"), ("depth", "Home", 2), ("width", "End", 32),
     ("seed", "ArrowRight", 1), ("optimizer", "End", "AdamW"), ("batch", "Home", 1), ("rate", "End", 10),
     ("momentum", "Home", 0), ("augment", " ", True)],
)  # fmt: skip
def test_each_setting_reaches_its_run_and_changes_what_it_learns(trait, key, value, lab):
    lab.open(TrainingLab({"kind": "plain", **SMALL}))
    lab.press(trait, key)
    assert lab.until(f"runs[0].{trait} === {str(value).lower() if isinstance(value, bool) else repr(value)}")
    for _ in range(3):  # momentum tells from the third loss on
        lab.button("one step").click()
    changed = lab.until("runs[0].losses.length === 3")["runs"][0]
    lab.set("runs", [settings_of({"kind": "plain", **SMALL})])
    lab.button("start over").click()
    lab.until("runs[0].steps === 0 && runs[0].norms.length")
    for _ in range(3):
        lab.button("one step").click()
    assert lab.until("runs[0].losses.length === 3")["runs"][0]["losses"] != changed["losses"]


def test_one_may_draw_and_see_what_the_network_makes_of_it(lab):
    lab.open(TrainingLab({"kind": "both", **SMALL}))
    before = lab.until("result.seen")["seen"]
    grid = lab.page.locator(".d2l-paper")
    assert "labeled 1" in grid.get_attribute("aria-label")
    lab.button("clear").click()
    box = grid.bounding_box()
    x = box["x"] + box["width"] / 2
    lab.page.mouse.move(x, box["y"] + 4)
    lab.page.mouse.down()
    lab.page.mouse.move(x, box["y"] + box["height"] - 4, steps=12)
    lab.page.mouse.up()
    drawn = lab.until("result.seen.drawn")["seen"]
    assert drawn["probabilities"] != before["probabilities"]
    assert "your drawing" in grid.get_attribute("aria-label")
    lab.page.wait_for_timeout(300)
    drawn = lab.result["seen"]["probabilities"]
    grid.focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowLeft", " "):
        lab.page.keyboard.press(key)
    lab.until(f"result.seen.probabilities[0] !== {drawn[0]}")
    lab.press("image", "ArrowRight")
    assert lab.until("result.seen.image === 1 && !result.seen.drawn")


def test_the_inside_shows_maps_filters_and_the_mistakes_of_the_batch(lab):
    lab.open(TrainingLab({"kind": "plain", **SMALL, "width": 8}))
    lab.button("one step").click()
    result = lab.until("result.seen && result.seen.wrong > 8")
    opened = lab.page.locator(".d2l-opened")
    assert f"mistakes in the last batch: {result['seen']['wrong']} of 64" in opened.inner_text()
    assert opened.locator(".d2l-mistake").count() == 8
    told = opened.locator("canvas").evaluate_all("all => all.map((node) => node.getAttribute('aria-label'))")
    assert any("6 maps of each of 3 layers" in label for label in told)
    assert any("The 8 kernels of the first layer" in label for label in told)


def test_a_plain_network_of_twenty_layers_can_be_made_to_learn(lab):
    lab.train({"kind": "plain", "depth": 20, "width": 4}, until="runs[0].epochs > 0.3")
    assert lab.met() == [], "a plain network with the first settings earns nothing"
    won = {"kind": "plain", "depth": 20, "width": 8, "activation": "tanh", "optimizer": "AdamW", "rate": 0.003}
    lab.set("runs", [settings_of(won)])
    result = lab.go("result.solved.includes('deep') || !result.training")
    assert "deep" in lab.met() == result["solved"]
    assert "So depth alone is no wall" in lab.page.locator(".d2l-challenges").inner_text(), "and it is explained"
    assert lab.page.locator(".d2l-tasks .d2l-part output").inner_text().startswith("1 of 4")


def test_a_batch_of_two_breaks_batch_normalization(lab):
    large = {"kind": "BatchNorm", "depth": 20, "width": 8, "batch": 32}
    lab.train(large, until="runs[0].test_accuracy > 0.86 || !result.training")
    lab.set("runs", [large, {**large, "batch": 2}])
    assert "batch" not in lab.met(), "nothing was trained with the small batch yet"
    result = lab.go("result.solved.includes('batch') || !result.training")  # on a busy machine the first may have ended
    assert "batch" in result["solved"], [(run["epochs"], run["test_accuracy"]) for run in result["runs"]]


def test_few_numbers_in_thirty_seconds_are_enough(lab):
    small = {"kind": "both", "depth": 8, "width": 8, "rate": 0.02, "batch": 16}
    large = {**small, "width": 12}
    lab.train(large, until="runs[0].test_accuracy >= 0.95 || !result.training")
    assert lab.result["runs"][0]["test_accuracy"] >= 0.95 and lab.met() == [], "it has too many numbers"
    lab.set("runs", [small, large])
    result = lab.go("result.solved.length || !result.training")
    assert "small" in lab.met() and result["runs"][0]["numbers"] <= 20_000 < result["runs"][1]["numbers"]
    assert result["runs"][0]["test_accuracy"] >= 0.95


def test_the_edge_of_learning_is_found_between_two_rates(lab):
    calm = {"kind": "BatchNorm", "depth": 8, "rate": 1.6}
    wild = {**calm, "rate": 3.2}
    lab.train(calm, {**calm, "kind": "residual", "rate": 3.2}, until="runs[1].exploded && runs[0].epochs > 1.5")
    assert "edge" not in lab.met(), "the two differ in more than the rate"
    assert "B exploded" in lab.say and "exploded" in lab.page.locator(".d2l-chip").nth(1).inner_text()
    steps = lab.result["runs"][1]["steps"]
    lab.set("runs", [calm, {**wild, "rate": 6.0}])
    lab.until("runs[1].rate === 6 && runs[1].epochs > 1.2 || runs[1].exploded && runs[1].rate === 6")
    assert "edge" not in lab.met(), "the two rates are too far apart"
    lab.set("runs", [calm, {**wild, "seed": 1}])
    # the calm run's loss leaps, from 0.8 to 2.5: what it has learned counts, not where it stands when somebody looks
    result = lab.until("result.solved.includes('edge') || runs[1].rate === 3.2 && runs[1].epochs > 3")
    assert "edge" in result["solved"], [run["loss"] for run in result["runs"]]
    assert steps < 20, "what has exploded is given up"


@pytest.mark.parametrize(
    ("tame", "wild", "met"),
    [
        ([2.3, 1.9, 1.2, 2.2], [2.3, 2.4, 2.4, 2.4], True),  # it had learned, and leaps
        ([2.3, 1.9, 1.7, 2.2], [2.3, 2.4, 2.4, 2.4], False),
        ([1.2, 2.2, 2.2, 2.2], [2.3, 2.4, 2.4, 2.4], False),  # in its first epoch alone
        ([2.3, 1.9, 1.2, 1.2], [2.3, 2.4, 2.4, 2.2], False),
        ([2.3, 1.9, 1.2, 1.2], [2.3, 2.3, 2.3, 2.26], True),  # 2.3, to one decimal
        ([2.3, 1.9, float("nan"), 1.7], [2.3, 2.4, 2.4, 2.4], False),
    ],
)
def test_the_edge_is_met_by_what_a_run_has_learned(tame, wild, met, blank):
    page = open_engine(blank(offline=True))
    script = """([tame, wild]) => {
        const run = (losses, rate) => ({
            settings: { rate, seed: 0 }, epochs: losses.length / 2, born: 0, exploded: false, test: [],
            train: losses.flatMap((loss, part) => (
                Array.from({ length: 20 }, (_, at) => [(part + at / 20) / 2, loss, 0])
            )),
        });
        return engine.CHALLENGES.find(({ name }) => name === "edge").met([run(tame, 0.1), run(wild, 0.2)]);
    }"""
    assert page.evaluate(script, [tame, wild]) == met


def test_what_was_met_is_told_where_the_reader_looks(lab):
    lab.open(TrainingLab({"kind": "both", "depth": 8, "width": 8, "rate": 0.02, "batch": 16}))
    news = lab.page.locator(".d2l-news")
    assert not news.is_visible()
    lab.go("result.solved.length")
    assert news.inner_text().startswith("✓ Challenge met: Small and quick")
    assert news.bounding_box()["y"] < lab.page.locator(".d2l-charts").bounding_box()["y"]
    lab.button("why?").click()
    focus = "document.activeElement.closest('li')?.dataset.challenge"
    assert lab.page.evaluate(focus) == "small"
    lab.page.wait_for_function(
        "(() => { const { top, bottom } = document.activeElement.getBoundingClientRect();"
        " return top >= 0 && bottom <= innerHeight; })()"
    )


def test_on_a_phone_settings_are_folded(lab):
    lab.open(TrainingLab({"kind": "both", **SMALL}), width=390)
    assert not lab.page.locator("[data-trait=depth]").is_visible()
    lab.page.locator(".d2l-settings > summary").click()
    assert lab.page.locator("[data-trait=depth]").is_visible()


def test_the_settings_travel_in_the_address(chromium, tmp_path):
    built = html(TrainingLab({"kind": "plain", **SMALL}))
    (tmp_path / "lab.html").write_text(built, "utf-8")
    context = chromium.new_context()
    lab = Bench(context.new_page())
    lab.page.goto((tmp_path / "lab.html").as_uri())
    lab.page.wait_for_selector(MOUNTED)
    lab.until("runs.length === 1")
    assert lab.page.locator(f'script[type="{STATE}"]').count() == 1
    lab.button("fork").click()
    lab.press("optimizer", "End")
    lab.press("rate", "ArrowRight", 3)
    wanted = lab.until("runs.length === 2 && runs[1].optimizer === 'AdamW'")["runs"]
    lab.button("copy link").click()
    lab.page.wait_for_selector(".d2l-copied:not(:empty)")
    address = lab.page.url
    assert "#lab=" in address
    other = Bench(context.new_page())
    other.page.goto(address)
    other.page.wait_for_selector(MOUNTED)
    found = other.until("runs.length === 2")["runs"]
    names = list(settings_of({}))
    assert [[run[name] for name in names] for run in found] == [[run[name] for name in names] for run in wanted]
    context.close()
    assert [problem for problem in lab.problems + other.problems if "file:" not in problem] == []


@pytest.mark.parametrize("worker", [True, False], ids=["in a worker", "without a worker"])
def test_the_page_is_free_while_it_trains(worker, lab):
    if not worker:
        lab.page.evaluate(NO_WORKER)
    runs = [{"kind": kind, "depth": 20, "width": 16} for kind in ("plain", "BatchNorm", "both", "dense")]
    lab.open(TrainingLab(*runs))
    assert len(lab.page.workers) == worker
    lab.until("result.seen && runs.every(({ norms }) => norms.length)")
    lab.button("▶ Train").click()
    lab.until("runs[0].steps > 1")
    rounds = []
    while (
        len(rounds) < 6 and min(rounds, default=99) > 50
    ):  # a machine that others use makes any task long, now and then
        with tasks(lab.page) as longest:
            lab.page.wait_for_timeout(1500)
        rounds.append(longest[0])
        assert lab.result["training"]
    print(rounds)
    assert min(rounds) <= 50, rounds


def test_the_page_is_free_while_the_lab_is_put_together(lab):
    rounds = []
    while len(rounds) < 4 and min(rounds, default=99) > 50:
        with tasks(lab.page) as longest:
            lab.open(TrainingLab())
            lab.until("result.seen && runs.every(({ norms }) => norms.length)")
        rounds.append(longest[0])
    assert min(rounds) <= 50, rounds


def test_a_page_that_may_start_no_worker_trains_by_itself(lab):
    policy = '<meta http-equiv="Content-Security-Policy" content="worker-src \'none\'">'
    built = html(TrainingLab({"kind": "both", **SMALL})).replace("<title>", f"{policy}<title>")
    lab.page.set_content(built)
    lab.page.wait_for_selector(".d2l-widget[data-mounted]", timeout=WAIT)
    lab.until("runs[0].norms.length")
    assert lab.page.workers == []
    lab.button("one step").click()
    assert lab.until("runs[0].steps === 1")["runs"][0]["losses"]
    assert all("Content Security Policy" in problem for problem in lab.problems) and lab.problems
    lab.problems.clear()


def test_a_network_too_large_for_the_browser_is_no_silence(lab):
    lab.page.evaluate(NO_WORKER)
    lab.page.evaluate(NO_MEMORY)
    lab.open(TrainingLab({"kind": "plain", **SMALL}))
    lab.until("result.seen")
    lab.set("runs", [settings_of({"depth": 32, "width": 32, "batch": 128})])
    lab.page.wait_for_function(
        "document.querySelector('.d2l-say').textContent.includes('cannot compute')", timeout=WAIT
    )
    lab.set("runs", [settings_of({"kind": "plain", **SMALL})])
    lab.until("runs[0].depth === 4 && runs[0].norms.length")
    assert "cannot" not in lab.say


@pytest.mark.parametrize("value", [None, "x", [], [1], [{"kind": "x", "depth": 1e9, "rate": -4, "batch": "many"}] * 7])
def test_nonsense_is_brought_back(value, lab):
    lab.open(TrainingLab(selected=2, image=3))
    lab.set("runs", value)
    result = lab.until("runs.every(({ norms }) => norms.length)")
    wanted = TrainingLab()
    wanted.runs = value
    assert [{name: run[name] for name in settings_of({})} for run in result["runs"]] == wanted.runs
    lab.set("selected", "NaN")
    lab.set("image", 1e9)
    assert lab.until("result.seen && result.seen.image === 359")["selected"] == 0


def test_nonsense_is_brought_back_by_python():
    made = TrainingLab({"kind": "both", "depth": 9, "rate": float("nan")}, "x", {"batch": 1e9}, selected=9, image=-4)
    assert [run["kind"] for run in made.runs] == ["both", "plain"]
    assert (made.runs[0]["depth"], made.runs[0]["rate"], made.runs[1]["batch"]) == (8, 0.05, 128)
    assert (made.selected, made.image) == (3, 0)
    assert repr(TrainingLab(selected=1)).startswith("TrainingLab(image=0, ")


@pytest.mark.parametrize("runs", [(), ({"kind": "plain"}, {"kind": "BatchNorm"}, {"kind": "both"}), ({"depth": 8},)])
def test_the_picture_shows_what_was_recorded(runs):
    lab = TrainingLab(*runs)
    left, right = lab.picture().axes
    titles = [line.get_label() for line in right.lines]
    assert titles == ["A plain", "B BatchNorm", "C BatchNorm + shortcuts"]
    ends = [line.get_ydata()[-1] for line in right.lines]
    assert ends[0] < 20 < 80 < ends[1] < ends[2]
    ends = [line.get_ydata()[-1] for line in left.lines]
    assert ends[0] > 2 > 1 > ends[1] > ends[2]
    assert all(title in lab.alt for title in titles) and "A plain: loss 2.3, 10% right" in lab.alt


@pytest.mark.parametrize("chapter", ["resnet", "batch_norm", "recipes"])
def test_the_picture_of_a_chapter_answers_its_question(chapter):
    batch = {"kind": "BatchNorm", "width": 4}
    runs = {
        "resnet": [{"kind": kind} for kind in ("plain", "BatchNorm", "residual", "both")],
        "batch_norm": [batch, {**batch, "batch": 2}, {**batch, "batch": 2, "rate": 0.05 / 16}],
        "recipes": [
            {"kind": kind, "rate": rate, "depth": 8, "width": 4}
            for kind in ("plain", "BatchNorm") for rate in (0.02, 0.2)
        ],
    }[chapter]  # fmt: skip
    lab = TrainingLab(*runs)
    layers = "8 layers" if chapter == "recipes" else "20 layers"
    assert f"networks of {layers} " in lab.alt and lab.picture().get_suptitle() == f"{layers}, recorded before"
    losses, accuracies = ({line.get_label(): line.get_ydata()[-1] for line in ax.lines} for ax in lab.picture().axes)
    assert len(losses) == len(runs) and [*lab.recorded] == [*KINDS], "the page gets no more than it can show"
    if chapter == "resnet":
        assert accuracies["C shortcuts"] < 20 < 80 < accuracies["B BatchNorm"] < accuracies["D BatchNorm + shortcuts"]
        return
    if chapter == "recipes":
        assert accuracies["B plain, width 4, rate 0.2"] < 20 < 80 < accuracies["D BatchNorm, width 4, rate 0.2"]
        return
    assert accuracies["B BatchNorm, width 4, batch 2"] < 20 < accuracies["A BatchNorm, width 4"]
    assert losses["B BatchNorm, width 4, batch 2"] > 2 * losses["A BatchNorm, width 4"]
