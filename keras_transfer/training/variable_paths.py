"""Recognizes variables by their paths, also after a model was loaded.

The path of a variable begins with the model that its layer was built in. A
model that comes from a file is built otherwise, so that `"net/conv/kernel"`
may be `"conv/kernel"` there.
"""


def aligned(paths, stored):
    """Finds for each path that of the same variable in a list.

    Args:
        paths: List of paths of variables as they are now.
        stored: List of paths as they were, in the order of the model.

    Returns:
        A list as long as `paths`, of indices into `stored`, each at most
        once, or `None`. Paths that are equal come first, then those of which
        one is the end of the other. Of several the first is taken.
    """
    free = {}
    for index, path in enumerate(stored):
        free.setdefault(path, []).append(index)
    found = [free[p].pop(0) if free.get(p) else None for p in paths]
    left = [(i, p) for p, indices in free.items() for i in indices]
    left.sort()
    for position, path in enumerate(paths):
        if found[position] is None:
            match = next((pair for pair in left if _ends(*pair, path)), None)
            if match is not None:
                found[position] = match[0]
                left.remove(match)
    return found


def path_of(variable):
    """The path of a variable; a plain `tf.Variable` has a name only."""
    return getattr(variable, "path", variable.name)


def _ends(_, one, other):
    short, long = sorted((one, other), key=len)
    return "/" in short and long.endswith(f"/{short}")
