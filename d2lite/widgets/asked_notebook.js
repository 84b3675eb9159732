// What a script asks the notebook for, and how long that has not answered: on the site there is none.

const PATIENCE = 1500;  // milliseconds

/**
 * `ask(content)` sends a message and resolves with its answer, which may never come; the next waits for it. Where it takes
 * long, `changed()` is called, and `trouble(consequence)` says so; else that is empty.
 */
function askedNotebook(model, changed) {
  let answer = null, here = false, slow = false, before = Promise.resolve();
  const heard = (content) => {
    if (!answer || content?.id !== answer.id) return;
    [here, slow] = [true, false];
    answer.resolve(content);
  };
  const put = (content) => new Promise((resolve) => {
    const id = freshId("message"), timer = setTimeout(() => { slow = true; changed(); }, PATIENCE);
    answer = { id, resolve: (told) => { clearTimeout(timer); answer = null; resolve(told); } };
    model.send({ ...content, id });
  });
  model.on("msg:custom", heard);
  return {
    ask: (content) => { before = before.then(() => put(content)); return before; },
    trouble: (consequence) => {
      if (!slow) return "";
      if (here) return "The notebook does not answer: it is busy with another cell, or was restarted, and then this cell has to run again.";
      return `Nothing is saved here: no notebook answers. Open this chapter in Jupyter or Colab and run this cell; ${consequence}`;
    },
    off: () => model.off("msg:custom", heard),
  };
}
