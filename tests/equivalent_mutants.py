"""Mutants of tests/mutation.py that no test can tell from the source, by the reason why."""
# ruff: noqa: E501

from __future__ import annotations

WHY: dict[str, list[str]] = {
    "what is taken from −inf, or a factor of both sums of a ratio": [
        "network/kernels/segments.py _log_product: top[top == -np.inf] = (1)",
        "network/kernels/segments.py _log_sum: top[top == -np.inf] = (1)",
        "network/kernels/segments.py _log_sum: found: Floats = np.log((np.exp(a - top[:, None]).mean)(axis=1)) + top",
    ],
    "room that nobody looks at, or turns with nothing to do": [
        "network/kernels/segments.py _starts: begins, ended = np.zeros(int(lengths.sum()), bool), np.zeros(int(lengths.sum()) + (2), bool)",
        "network/kernels/segments.py _starts: ended[ends[(lengths >= 0)]] = True",
        "network/kernels/segments.py _log_sums: for t in range(1, int(((segments.end + segments.first)).max(initial=0))):",
        "network/kernels/segments.py _log_sums: for t in range(1, int((segments.end - segments.first).max(initial=(1)))):",
    ],
    "reshape takes any negative number for the size that is left": [
        "analysis/bootstrap.py intervals: table = np.array(sorted(rows), np.float64).reshape(-(2), len(Counts._fields))",
        "analysis/bootstrap.py differences: table = np.array(keys, np.float64).reshape(-(2), 2 * counts)",
        "network/kernels/decoding.py n_best: at[before] = np.take_along_axis(origins[now].reshape(-(2), K * most), at[now], axis=1)",
        "network/kernels/window.py window_backward: dP = (own @ delta2).reshape(-(2), n * G)",
        "network/members.py scores_of_windows: rows = P.reshape(len(P) * M, -(2))",
    ],
    "how much is done at a time, or by whom, not what comes of it": [
        "analysis/bootstrap.py resampled_sums: most = max((2), AT_ONCE // rows)",
        "analysis/bootstrap.py resampled_sums: most = max(1, (AT_ONCE))",
        "analysis/reliability.py add: if (len(self._right) > AT_ONCE):",
        "analysis/reliability.py add: without self._count()",
        "network/kernels/mending.py mended: without reach *= 2",
        "network/kernels/mending.py mended: reach *= (3)",
        "network/kernels/mending.py _parts: total = np.cumsum((stretches.ends + stretches.begins))",
        "network/kernels/mending.py _parts: cuts = (np.flatnonzero(np.diff(total // AT_ONCE)) - 1)",
        "network/kernels/mending.py _parts: cuts = np.flatnonzero(np.diff((total))) + 1",
        "network/kernels/mending.py _parts: cuts = np.flatnonzero(np.diff(total // AT_ONCE)) + (2)",
        "network/kernels/window.py project: workers.map(some_tokens, workers.pieces(T, (W.size)))",
        "network/kernels/window.py window_backward: (dW, db1), *others = workers.map(some_tokens, workers.pieces(T, (W.size)))",
        "network/members.py loss_and_gradients: inner, outer = (ALONE, workers) if (M % workers.count != 0) else (workers, ALONE)",
        "network/members.py loss_and_gradients: inner, outer = (ALONE, workers) if (M) == 0 else (workers, ALONE)",
        "network/members.py loss_and_gradients: inner, outer = (ALONE, workers) if M % workers.count == (1) else (workers, ALONE)",
        "network/token_features.py features_forward: workers.map(some_tokens, workers.pieces(T, (a.token_width)))",
        "network/upward.py scores_of_windows: for rows in ALONE.pieces(len(theta), (2), most=most):",
        "network/upward.py scores_of_windows: h, most = states_of_windows(a, p, P, neighbours, lengths), (min)(1, rows_at_once(a) // 2)",
        "network/upward.py scores_of_windows: h, most = states_of_windows(a, p, P, neighbours, lengths), max((2), rows_at_once(a) // 2)",
        "network/upward.py scores_of_windows: h, most = states_of_windows(a, p, P, neighbours, lengths), max(1, (rows_at_once(a)))",
        "network/upward.py scores_of_windows: h, most = states_of_windows(a, p, P, neighbours, lengths), max(1, rows_at_once(a) // (3))",
        "network/upward.py scores_of_windows: if (neighbours.shape[1] < most):",
        "network/upward.py windows_at_a_time: width = (min)(a.hidden_width, a.classes)",
        "network/upward.py rows_at_once: return (min)(1, AT_ONCE // max(a.hidden_width, a.classes))",
        "network/upward.py rows_at_once: return max((2), AT_ONCE // max(a.hidden_width, a.classes))",
        "network/upward.py rows_at_once: return max(1, (AT_ONCE))",
    ],
    "a difference that is as far to the bit as the one observed has no probability": [
        "analysis/bootstrap.py differences: far = (np.abs(drawn[1:] - observed) > abs(observed) - 1e-12)",
    ],
    "of one span guessed or wanted none is correct: 0 by 2 is 0 too": [
        "analysis/bootstrap.py figures: found[f1] = 2 * correct / np.maximum(guessed + gold, (2))",
    ],
    "only where F1 is largest is asked": [
        "analysis/metrics.py best_threshold: f1 = (correct) / (np.arange(1, len(ranked) + 1) + wanted)",
        "analysis/metrics.py best_threshold: f1 = (3) * correct / (np.arange(1, len(ranked) + 1) + wanted)",
    ],
    "either there is a hidden layer with all that goes with it or there is none": [
        "network/gradients.py _downward: if (passed.h is None and passed.kept is None and (a.activation == 'none')):",
    ],
    "what stands behind the last boundary is never read": [
        "network/kernels/char_cnn.py _character_windows: padded = np.zeros(characters + (T + (2)) * kappa, ids.dtype)",
    ],
    "where a transition is -inf there is no stride, and log space follows in any case": [
        "network/kernels/crf.py _expectations: if np.isfinite(top).all() and (np.isfinite(A).any)():",
    ],
    "log space is as right as products, and slower": [
        "network/kernels/crf.py _expectations: if stride > (1):",
    ],
    "any factor may be taken out of a row at any step": [
        "network/kernels/crf.py _scaled: for t, (now, before) in enumerate(steps, (2)):",
    ],
    "without a token there is no least score to begin with, and the largest of others is 0": [
        "network/kernels/crf.py _steps_between_scalings: lowest = shifted.min(initial=(1))",
    ],
    "e^-inf is 0 and its logarithm -inf, whatever is added": [
        "network/kernels/crf.py _log_sum_exp: top[top == -np.inf] = (1)",
    ],
    "the second way of a label that has but one is -inf as well": [
        "network/kernels/decoding.py _n_best_scores: previous = np.pad(v[before], ((0, 0), (0, 0), (0, (2))), constant_values=-np.inf)",
    ],
    "without a sentence no step has a row": [
        "network/kernels/trellis.py side_by_side: longest = int(lengths[0]) if len(lengths) else (1)",
    ],
    "a gradient by 1 is the gradient": [
        "network/members.py _shared_by: if (members >= 1):",
    ],
    "what is as likely as T = 1 is T = 1 but for the tolerance of the search": [
        "tagging/temperature.py fit_temperature: if not (found.fun <= surprise(0.0)):",
    ],
    "read only once a span has been opened, which sets it": [
        'text/spans.py to_spans: start, open_type = (1), ""',
        'text/spans.py from_spans: last_end, last_type = (1), ""',
        'text/spans.py from_spans: last_end, last_type = -(2), ""',
    ],
}
EQUIVALENT = {name: why for why, names in WHY.items() for name in names}
