"""The plain twins: network and optimizers once more, as loops straight from the definitions.

Nothing here shares code with the package's kernels. Parameters and gradients are dicts of float64
arrays; `tokens[b][j]` lists, for the window b and position j, what each feature slot reads: a list
of row numbers (one for an ordinary slot, many for a bag, the characters for a char_cnn).
"""

from __future__ import annotations

import itertools
import math

import numpy as np


def windows_of(batch) -> list[list[list[list[int]]]]:
    """What every slot of every position of every window reads, from the ids of a batch."""
    read = []
    for b in range(batch.neighbours.shape[1]):
        window = []
        for j in range(batch.neighbours.shape[0]):
            t = int(batch.neighbours[j, b])
            window.append([bag_of(slot, t) for slot in batch.slots])
        read.append(window)
    return read


def bag_of(slot, t: int) -> list[int]:
    if slot.offsets is None:
        return [int(slot.ids[t])]
    return [int(i) for i in slot.ids[slot.offsets[t] : slot.offsets[t + 1]]]


def f(name: str, z: float) -> float:
    match name:
        case "relu":
            return max(z, 0.0)
        case "sigmoid":
            return 1 / (1 + math.exp(-z))
        case "tanh":
            return math.tanh(z)
        case "hard_tanh":
            return min(max(z, -1.0), 1.0)
    raise AssertionError(name)


def f_prime(name: str, z: float) -> float:
    match name:
        case "relu":
            return 1.0 if z > 0 else 0.0
        case "sigmoid":
            return f(name, z) * (1 - f(name, z))
        case "tanh":
            return 1 - math.tanh(z) ** 2
        case "hard_tanh":
            return 1.0 if abs(z) < 1 else 0.0
    raise AssertionError(name)


def convolve(L, C, c, width: int, characters: list[int]):
    """Maximum over positions of filters on windows of characters, and who won each."""
    k = width // 2
    padded = [0] * k + characters + [0] * k
    values = []
    for i in range(len(characters)):
        x = np.concatenate([L[padded[i + j]] for j in range(width)])
        values.append([float(x @ C[:, n]) + float(c[n]) for n in range(len(c))])
    winners = [max(range(len(values)), key=lambda i: (values[i][n], -i)) for n in range(len(c))]
    return np.array([values[winners[n]][n] for n in range(len(c))]), winners, padded


def loss_and_gradients(p, architecture, batch, objective, masks):
    """(J, gradients) of a batch, J with its L2 term."""
    a, read = architecture, windows_of(batch)
    n = len(read)
    g = {name: np.zeros_like(array) for name, array in p.items()}

    # x_b: slots of every position side by side
    x = []
    for window in read:
        parts = []
        for position in window:
            for feature, ids in zip(a.features, position, strict=True):
                L = p[f"L.{feature.table}"]
                if feature.kind == "char_cnn":
                    C, c = p[f"C.{feature.table}"], p[f"c.{feature.table}"]
                    parts.append(convolve(L, C, c, feature.width, ids)[0])
                else:
                    parts.append(sum((L[i] for i in ids), np.zeros(L.shape[1])))
        x.append(np.concatenate(parts))

    mask = masks.hidden
    on_x = [np.ones_like(x_b) for x_b in x]
    if masks.inputs is not None:
        kept_share = 1 - round(256 * objective.input_dropout) / 256
        for b in range(n):
            read_by_b = batch.neighbours[:, b]
            on_x[b] = np.concatenate([masks.inputs[t] for t in read_by_b]) / kept_share
            x[b] = x[b] * on_x[b]

    # z, h, kept
    linear = a.activation == "none"
    z, h, kept, before = [], [], [], []
    if linear:
        theta = [x[b] @ p["U"] + p["b2"] for b in range(n)]
    else:
        inputs = [x[b] @ p["W"] + p["b1"] for b in range(n)]
        z, h, before = run_hidden(p, a, batch.lengths, inputs)
        scale = 256 / (256 - round(256 * objective.dropout)) if mask is not None else 1.0
        kept = [h[b] * (mask[b] * scale if mask is not None else 1.0) for b in range(n)]
        theta = [kept[b] @ p["U"] + p["b2"] for b in range(n)]

    # J and delta1
    weights = []
    for b in range(n):
        y = int(batch.labels[b])
        w = 0.0 if y < 0 else 1.0
        if y >= 0 and objective.class_weights is not None:
            w *= float(objective.class_weights[y])
        weights.append(w)
    total = sum(weights)
    J, delta1 = 0.0, []
    if a.output == "crf":
        chain = [p[f"crf.{name}"] for name in ("start", "transitions", "end")]
        J, delta1, *own = crf_loss_and_gradients(theta, batch.lengths, batch.labels, *chain)
        for name, d in zip(("start", "transitions", "end"), own, strict=True):
            g[f"crf.{name}"] += d
    for b in range(n if a.output != "crf" else 0):
        y = int(batch.labels[b])
        if a.output == "softmax":
            e = [math.exp(t) for t in theta[b]]
            y_hat = np.array([value / sum(e) for value in e])
            epsilon = objective.label_smoothing
            one_hot = np.array([(1 - epsilon) * (k == y) + epsilon / len(e) for k in range(len(e))])
            if weights[b]:
                J -= weights[b] * float(one_hot @ np.log(y_hat)) / total
            delta1.append(weights[b] * (y_hat - one_hot) / total)
        else:
            act = np.array([1 / (1 + math.exp(-t)) for t in theta[b]])
            target = objective.targets[max(y, 0)].astype(float)
            log_a = np.array([-math.log1p(math.exp(-t)) for t in theta[b]])
            log_not_a = np.array([-math.log1p(math.exp(t)) for t in theta[b]])
            terms = target * log_a + (1 - target) * log_not_a
            J -= weights[b] * float(terms.sum()) / total
            delta1.append(weights[b] * (act - target) / total)

    # backwards through the output and hidden layers
    dx = []
    if linear:
        for b in range(n):
            g["U"] += np.outer(x[b], delta1[b])
            g["b2"] += delta1[b]
            dx.append(p["U"] @ delta1[b])
    else:
        d_h = []
        for b in range(n):
            g["U"] += np.outer(kept[b], delta1[b])
            g["b2"] += delta1[b]
            back = p["U"] @ delta1[b]
            d_h.append(back * (mask[b] * scale if mask is not None else 1.0))
        delta2 = back_hidden(p, g, a, batch.lengths, z, before, d_h)
        for b in range(n):
            g["W"] += np.outer(x[b], delta2[b])
            g["b1"] += delta2[b]
            dx.append(p["W"] @ delta2[b])

    # backwards into the tables
    for b, window in enumerate(read):
        dx[b] = dx[b] * on_x[b]
        at = 0
        for position in window:
            for feature, ids in zip(a.features, position, strict=True):
                size = feature.filters or feature.dim
                d_e = dx[b][at : at + size]
                at += size
                if feature.kind == "char_cnn":
                    back_convolution(p, g, feature, ids, d_e)
                else:
                    for i in ids:
                        g[f"L.{feature.table}"][i] += d_e

    for name in p:
        if name[0] in "WUR" or name.startswith("C."):
            J += objective.l2 / 2 * float((p[name] ** 2).sum())
            g[name] += objective.l2 * p[name]
    return J, g


def steps_of(lengths, reverse: bool):
    """For every sentence the rows in the order in which a direction visits them."""
    start = 0
    for length in lengths:
        rows = list(range(start, start + int(length)))
        yield rows[::-1] if reverse else rows
        start += int(length)


def halves(a):
    if a.directions == 0:
        return [(slice(0, a.units), None, False)]
    names = ["R.forward", "R.backward"][: a.directions]
    return [
        (slice(i * a.units, (i + 1) * a.units), name, name == "R.backward")
        for i, name in enumerate(names)
    ]


def run_hidden(p, a, lengths, inputs):
    """Pre-activations, states, and the state that entered each row."""
    z = [row.copy() for row in inputs]
    h = [np.zeros_like(row) for row in inputs]
    before = [np.zeros_like(row) for row in inputs]
    for half, name, reverse in halves(a):
        for rows in steps_of(lengths, reverse):
            state = np.zeros(a.units)
            for row in rows:
                if name:
                    before[row][half] = state
                    z[row][half] = inputs[row][half] + state @ p[name]
                h[row][half] = [f(a.activation, float(v)) for v in z[row][half]]
                state = h[row][half]
    return z, h, before


def back_hidden(p, g, a, lengths, z, before, d_h):
    """delta2 = dJ/dz, through time where there is a recurrence; adds dR."""
    delta = [np.zeros_like(row) for row in z]
    for half, name, reverse in halves(a):
        for rows in steps_of(lengths, reverse):
            first = min(rows) if rows else 0
            later = np.zeros(a.units)
            for row in reversed(rows):
                slope = np.array([f_prime(a.activation, float(v)) for v in z[row][half]])
                delta[row][half] = (d_h[row][half] + later) * slope
                if not name:
                    continue
                g[name] += np.outer(before[row][half], delta[row][half])
                later = p[name] @ delta[row][half]
                position = row - first
                edge = position + 1 if reverse else position
                if a.truncate is not None and edge % a.truncate == 0:
                    later = np.zeros(a.units)
    return delta


def back_convolution(p, g, feature, characters, d_c):
    L, C = p[f"L.{feature.table}"], p[f"C.{feature.table}"]
    c = p[f"c.{feature.table}"]
    _, winners, padded = convolve(L, C, c, feature.width, characters)
    d = feature.dim
    for n, i in enumerate(winners):
        g[f"c.{feature.table}"][n] += d_c[n]
        for j in range(feature.width):
            row = padded[i + j]
            g[f"C.{feature.table}"][j * d : (j + 1) * d, n] += L[row] * d_c[n]
            g[f"L.{feature.table}"][row] += C[j * d : (j + 1) * d, n] * d_c[n]


def update(rule: str, p, g, state: dict, lr: float, t: int, **k):
    """One published update, entry by entry."""
    for i in np.ndindex(*p.shape):
        match rule:
            case "sgd":
                p[i] -= lr * g[i]
            case "momentum":
                v = state.setdefault("v", np.zeros_like(p))
                v[i] = k["momentum"] * v[i] + g[i]
                p[i] -= lr * v[i]
            case "adagrad":
                a = state.setdefault("a", np.zeros_like(p))
                a[i] += g[i] ** 2
                p[i] -= lr * g[i] / (math.sqrt(a[i]) + k["epsilon"])
            case "rmsprop":
                a = state.setdefault("a", np.zeros_like(p))
                a[i] = k["decay"] * a[i] + (1 - k["decay"]) * g[i] ** 2
                p[i] -= lr * g[i] / (math.sqrt(a[i]) + k["epsilon"])
            case "adam":
                m = state.setdefault("m", np.zeros_like(p))
                v = state.setdefault("v", np.zeros_like(p))
                m[i] = k["beta1"] * m[i] + (1 - k["beta1"]) * g[i]
                v[i] = k["beta2"] * v[i] + (1 - k["beta2"]) * g[i] ** 2
                m_hat = m[i] / (1 - k["beta1"] ** t)
                v_hat = v[i] / (1 - k["beta2"] ** t)
                p[i] -= lr * m_hat / (math.sqrt(v_hat) + k["epsilon"])


def path_score(theta, path, start, transitions, end) -> float:
    """What one label sequence of one sentence collects; theta has a row per token."""
    if not path:
        return 0.0
    score = float(start[path[0]]) + float(end[path[-1]])
    for t, label in enumerate(path):
        score += float(theta[t][label])
        if t > 0:
            score += float(transitions[path[t - 1]][label])
    return score


def all_paths(theta, start, transitions, end, allowed=None):
    """(score, path) of every label sequence of a sentence that is not forbidden, best first.

    Of equal ones that with the lowest last label comes first, then that with the lowest before it.
    """
    K = len(start)
    found = []
    for path in itertools.product(range(K), repeat=len(theta)):
        if allowed is not None and not all(allowed[t][k] for t, k in enumerate(path)):
            continue
        score = path_score(theta, path, start, transitions, end)
        if score > -math.inf:
            found.append((score, path))
    return sorted(found, key=lambda pair: (-pair[0], pair[1][::-1]))


def path_expectations(theta, start, transitions, end, allowed=None):
    """Over all paths of one sentence: log Z, marginals, expected counts of pairs."""
    K = len(start)
    paths = all_paths(theta, start, transitions, end, allowed)
    best = paths[0][0]
    Z = 0.0
    for score, _ in paths:
        Z += math.exp(score - best)
    marginals, pairs = np.zeros((len(theta), K)), np.zeros((K, K))
    for score, path in paths:
        p = math.exp(score - best) / Z
        for t, label in enumerate(path):
            marginals[t][label] += p
            if t > 0:
                pairs[path[t - 1]][label] += p
    return best + math.log(Z), marginals, pairs


def crf_loss_and_gradients(theta, lengths, labels, start, transitions, end):
    """(J, delta1, d_start, d_transitions, d_end) by looking at every path of every sentence."""
    K = len(start)
    delta1 = np.zeros((len(theta), K))
    d_start, d_transitions, d_end = np.zeros(K), np.zeros((K, K)), np.zeros(K)
    J, first = 0.0, 0
    total = sum(1 for label in labels if label >= 0)
    for length in lengths:
        rows = range(first, first + int(length))
        first += int(length)
        if total == 0 or length == 0:
            continue
        own = [theta[row] for row in rows]
        agree = [[labels[row] < 0 or labels[row] == k for k in range(K)] for row in rows]
        log_Z, marginals, pairs = path_expectations(own, start, transitions, end)
        log_Z_y, given, pairs_y = path_expectations(own, start, transitions, end, agree)
        J += (log_Z - log_Z_y) / total
        for t, row in enumerate(rows):
            delta1[row] = (marginals[t] - given[t]) / total
        d_start += delta1[rows[0]]
        d_end += delta1[rows[-1]]
        d_transitions += (pairs - pairs_y) / total
    return J, delta1, d_start, d_transitions, d_end
