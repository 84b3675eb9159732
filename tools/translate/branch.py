"""The branch `zh`, where Colab and Kaggle find the Chinese notebooks: `make publish-chinese` replaces it.

It has one commit and no past, and says itself where it comes from. What runs with the right to push is this file, git
and gh alone: no package, and no code of the notebooks.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools import issue, project

NAME = "zh"
ARTIFACT = "chinese-notebooks"  # of the workflow's run, in which the job that writes them hands them over
README = """\
# 中文笔记本

由 [{branch}]({url}/tree/{branch}) 分支自动写成，请勿在此修改：
译文在 [book/locale/zh_CN]({url}/tree/{branch}/book/locale/zh_CN) 里。
阅读网页版：<{site}zh/>

Written from `{branch}`; a change here is lost at the next push.
"""
LICENSES = ("LICENSE", "LICENSE-TEXT")
#: git asks gh for the token, which stands in no file and no address
ASK_GH = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")


def git(folder: Path, *words: str, fails: bool = False) -> str:
    """What git prints, in a repository. Raises SystemExit where it ``fails``, unless that is expected."""
    done = subprocess.run(["git", *ASK_GH, *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and not fails:
        raise SystemExit(f"git {words[0]} failed: {done.stderr.strip()}")
    return "" if done.returncode else done.stdout.strip()


def gathered(notebooks: Path) -> list[Path]:
    """The files of the branch below a folder. Raises SystemExit where it has none, or others than notebooks."""
    found = sorted(path for path in notebooks.rglob("*") if path.is_file())
    strange = [path.name for path in found if path.suffix != ".ipynb" or path.is_symlink()]
    if not found or strange:
        raise SystemExit(f"{notebooks}: {', '.join(strange) or 'there are no notebooks'}")
    return found


def publish(notebooks: Path, address: str) -> bool:
    """Let the branch hold these notebooks and nothing else; False where it does so already.

    Raises:
        SystemExit: there are none, there are other files, or git complains.
    """
    of = os.environ.get("GITHUB_SHA", "")[:12] or "a working copy"
    url, site = project.repository_url(), project.site_url()
    who = ("-c", "user.name=github-actions[bot]",
           "-c", "user.email=41898282+github-actions[bot]@users.noreply.github.com")  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        new = Path(folder)
        for path in gathered(notebooks):
            (new / path.relative_to(notebooks)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, new / path.relative_to(notebooks))
        for name in LICENSES:
            shutil.copy(project.ROOT / name, new / name)
        (new / "README.md").write_text(README.format(branch=project.BRANCH, url=url, site=site), "utf-8")
        git(new, "init", "--quiet")
        git(new, "add", "--all", "--force")
        git(new, *who, "-c", "commit.gpgSign=false", "commit", "--quiet", "--message", f"Chinese notebooks of {of}")
        git(new, "fetch", "--quiet", "--depth=1", "--filter=blob:none", address, NAME, fails=True)
        if git(new, "rev-parse", "HEAD^{tree}") == git(new, "rev-parse", "FETCH_HEAD^{tree}", fails=True):
            return False
        git(new, "push", "--quiet", "--force", address, f"HEAD:refs/heads/{NAME}")
    return True


def handed_over(out: Path) -> None:
    """Fetch what the other job of this run of a workflow has written."""
    issue.gh("run", "download", os.environ["GITHUB_RUN_ID"], "--name", ARTIFACT, "--dir", str(out))


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebooks", type=Path, help="their folder; else what this run of a workflow has made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.notebooks is None:
            handed_over(Path(folder))
        changed = publish(options.notebooks or Path(folder), f"{project.repository_url()}.git")
    print(f"the branch {NAME}: {'written anew' if changed else 'as it was'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
