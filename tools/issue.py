"""Open an issue about a run that failed, or comment on the open one of that title: never a second one.

Its text links to the workflow's run, whose variables are looked for in the environment. GitHub's own program, gh, does
the asking.
"""

import json
import os
import shutil
import subprocess
import sys


def gh(*arguments: str) -> str:
    """What gh prints. Raises SystemExit with what it complains of."""
    done = subprocess.run(["gh", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"gh {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
    return done.stdout


def text() -> str:
    """What to say: the address of the workflow's run, where this is one."""
    try:
        run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format(**os.environ)
    except KeyError:
        return "It failed when run by hand."
    return f"It failed in this run, whose log says where: {run}"


def main() -> int:
    """Command line: the title of the issue."""
    (title,) = sys.argv[1:]
    if shutil.which("gh") is None:
        raise SystemExit("gh is not installed: see https://cli.github.com")
    # The list is read without a search, whose index may not know an issue of a minute ago.
    issues = json.loads(gh("issue", "list", "--state", "open", "--limit", "1000", "--json", "number,title"))
    same = [issue["number"] for issue in issues if issue["title"] == title]
    if same:
        print(gh("issue", "comment", str(min(same)), "--body", text()).strip())
    else:
        print(gh("issue", "create", "--title", title, "--body", text()).strip())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
