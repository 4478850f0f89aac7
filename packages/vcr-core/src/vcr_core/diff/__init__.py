r"""The content-aligned diff of two states: to show (`diff`), to keep (`diff_as_patch`), to tell (`first_difference`).

This text is the algorithm's contract. Every implementation passes ``vcr_core/testing/diff_fixtures.json``: the cases
``{name, a, b, ops}``, and the string cases ``{name, a, b, hunks}``. A case with ``"needs": "number types"`` is for
languages that tell ``1`` from ``1.0``. All steps are exact on whole numbers; string lengths are in code points.

**The same.** Equal type and content all the way down: 1, true and 1.0 differ, 0.0 and -0.0 differ, NaN is the same as
NaN, key order does not count. A *token* is a value that is equal exactly when the contents are.

**Walk.** Depth first from the root pair, without recursion. Two objects: the old keys in their order (missing in new:
``remove``; else the pair is walked), then the new keys that old lacks (``add``). Two lists: the steps below, each
``change`` pair walked when its turn comes. Any other pair that is not the same: ``replace``. ``path`` leads into the
new document (``remove``: into the old); ``from`` leads into the old one and is given where it differs.

**Lists.**

1. Drop the common head, then the common tail.
2. Align the tokens of the rest. In each gap: match the common head, then the common tail; take the tokens that are
   unique on both sides, in the order of the old list, and keep the longest run with increasing new positions
   (patience sorting with the first tail that is not smaller replaced; read back from the last tail). These anchors
   split the gap, and each part is treated so again, at most 32 rounds deep. A gap without anchors keeps only the
   tokens that both sides hold and takes Myers' greedy path (down when ``k == -d`` or ``k != d`` and ``V[k-1] <
   V[k+1]``) of at most 100 edits; when that is not enough, the n-th occurrence in the old is paired with the n-th in
   the new, and the longest increasing run is kept.
3. An unmatched new element whose token an unmatched old one has is a ``move`` (both in order of position).
4. What is left between two neighbouring matches is a gap of old and new elements. Unless it is one against one, align
   it by step 2 on the elements' ``id`` (a string or an integer; elements without one match nothing), and the parts
   between on the content without ``id`` (objects that have an ``id`` and something else). A part of one against one
   skips this too. Each match is a ``change``.
5. In each part that remains, of r old and c new elements: when r*c is at most 256 and the diff has not yet spent
   20,000 such products (each part's is taken off before it is scored), all pairs are scored and the increasing pairs
   with a score of at least 500 and the highest sum are taken (from the start: the pair if it is on a best way, else
   past the old element if that is on one, else past the new). Otherwise the n-th is paired with the n-th where the
   score is at least 500. Each pair is a ``change``. Parts are treated in order of position, and step 5 runs when the
   list is walked.
6. Between those pairs, equally many old and new elements are told one for one: two objects with the same keys are a
   ``change``, any others a ``replace``. Else all old are a ``remove``, then all new an ``add``.
7. Order of the steps of a gap: as paired, removals before additions; a move stands before the first step with a
   greater new position, else at the end of the gap.

**Score** (whole-number division throughout). Two objects: 1000 when both have the same ``id`` (string or integer);
else ``s = min(1000, 2 * points // total)``, total being the two sizes, each at most 64; points over the first 64 old
entries whose key new has: 1000 when the same, for two strings their text likeness, 500 for two objects or two lists,
else 0. When ``role``, else ``name``, is the same string in both: ``500 + s // 2``. Two lists, of their first 64 items
each: ``2 * (1000 * common + 500 * min(p, q)) // (sizes)`` with ``common`` counted as multisets, p and q the containers
of each side that the other side does not hold. A container and anything else: 0. Two strings: ``500 + text likeness //
2``. Other pairs: 500. *Text likeness*: ``2000 * (head + tail) // total``: the common head of at most 512, the common
tail of the remainder of at most 512, total being the two lengths, each at most 1024; two empty strings: 1000.

**String hunks.** Lines end after ``\n``. Align lines by step 2; in each changed stretch with both sides, align words
by step 2 (up to 20,000 words): runs of ASCII letters, digits, ``_`` and everything from U+0080 on; runs of space,
``\t``, ``\n``, ``\r``, ``\f``, ``\v``; any other character alone. Then join neighbours: between two equal stretches
one removal, one addition.

Drawing does not belong here; see :mod:`vcr_core.diff_render`.
"""

from __future__ import annotations

from vcr_core.diff.content import exact_equal
from vcr_core.diff.first import MISSING, first_difference
from vcr_core.diff.strings import Hunk, string_hunks
from vcr_core.diff.structural import Op, diff, diff_as_patch, summarize
from vcr_core.json_pointer import value_at

__all__ = [
    "MISSING",
    "Hunk",
    "Op",
    "diff",
    "diff_as_patch",
    "exact_equal",
    "first_difference",
    "string_hunks",
    "summarize",
    "value_at",
]
