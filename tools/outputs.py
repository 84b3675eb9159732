"""What a stored output may hold: nothing that changes from run to run without need, and not too much of it."""

import base64
import io

from PIL import Image, ImageChops, ImageStat

COLORS = (64, 256)  # in a stored PNG of lines, areas and gray images: it looks the same and weighs a third
VISIBLE = 3  # of 255 levels, root mean square: what changes by more is a photograph, and keeps all its colors
MAX_BYTES = 660_000  # of a notebook with its interactives, which bring their scripts and numbers along


def clean(nb) -> None:
    """Strip a freshly run notebook in place and number its code cells from one."""
    number = 0
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        number += 1
        cell.execution_count = number
        cell.metadata.pop("execution", None)
        cell.outputs = [out for out in joined(cell.outputs) if keep(out)]
        for out in cell.outputs:
            if out.output_type == "execute_result":
                out.execution_count = number
            if "image/png" in out.get("data", {}):
                out.data["image/png"] = smaller(out.data["image/png"])
        alts = [alt for out in cell.outputs if (alt := alt_text(out))]
        if alts:
            image = cell.metadata.setdefault("mystnb", {}).setdefault("image", {})
            image.setdefault("alt", " ".join(alts))


def smaller(png: str) -> str:
    """A PNG, in base64, with one of the numbers of COLORS, or with half of all levels where fewer colors would show.

    Never a larger one.
    """
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    stored = picture.point(even)
    for number in COLORS:
        fewer = picture.quantize(number, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        if max(ImageStat.Stat(ImageChops.difference(picture, fewer.convert("RGB"))).rms) <= VISIBLE:
            stored = fewer
            break
    stored.save(packed := io.BytesIO(), "PNG", optimize=True)
    text = base64.b64encode(packed.getvalue()).decode()
    return text if len(text) < len(png) else png


def even(level: int) -> int:
    """The nearest even level; white stays white. Nobody sees it, and a photograph weighs a fifth less."""
    return level if level == 255 else (level + 1) & ~1


def keep(out) -> bool:
    """Whether an output says something without the kernel that made it."""
    if out.output_type == "stream":
        return bool(out.text.strip())
    if out.output_type in ("display_data", "execute_result"):
        return bool(out.data)
    return True


def joined(outs) -> list:
    """The outputs with neighboring pieces of one stream put together and carriage returns carried out."""
    result = []
    for out in outs:
        if (
            out.output_type == "stream"
            and result
            and result[-1].output_type == "stream"
            and result[-1].name == out.name
        ):
            result[-1].text += out.text
        else:
            result.append(out)
    for out in result:
        if out.output_type == "stream":
            lines = out.text.replace("\r\n", "\n").split("\n")
            out.text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)
    return result


def alt_text(out) -> str | None:
    """The alternative text that a figure's output carries in its metadata."""
    metadata = out.get("metadata", {})
    return metadata.get("image/png", {}).get("alt") or metadata.get("alt")


def warnings(nb) -> list[str]:
    """Lines that went to stderr: a chapter shows none."""
    return [
        f"cell {cell.execution_count} wrote to stderr: {out.text.strip()[:300]}"
        for cell in nb.cells
        if cell.cell_type == "code"
        for out in cell.outputs
        if out.output_type == "stream" and out.name == "stderr"
    ]


def too_large(nb, total: int) -> list[str]:
    """Empty for a notebook that fits; otherwise its size and the cells that weigh most."""
    if total <= MAX_BYTES:
        return []
    sizes = sorted(
        (
            (len(str(cell.outputs)), cell.execution_count, cell.source.strip().splitlines()[-1:])
            for cell in nb.cells
            if cell.cell_type == "code"
        ),
        reverse=True,
    )
    heavy = [f"cell {number}: {size / 1000:.0f} kB  {' '.join(line)[:60]}" for size, number, line in sizes[:4]]
    return [f"{total / 1000:.0f} kB, and {MAX_BYTES / 1000:.0f} kB is the limit: make figures smaller or fewer", *heavy]


def png_size(data: str) -> tuple[int, int]:
    """Width and height, in pixels, of a PNG given in base64."""
    header = base64.b64decode(data[:64])
    return int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
