"""VS103: functions that are nearly, but not quite, one the project has. Slow lane.

Candidates share winnowed grams of blind tokens; they are then compared token by token: length, ratio, the outside names
they use, whether local names map consistently, and their string constants.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from difflib import SequenceMatcher

from vcr_sentinel.config import DuplicateSizes
from vcr_sentinel.extraction import function_tokens
from vcr_sentinel.facts import FunctionFacts
from vcr_sentinel.index import Entry
from vcr_sentinel.meaning import read_definition
from vcr_sentinel.project import Project
from vcr_sentinel.rules_duplicates import exempt, twins

_ID_BITS = 24
_CROWD = 60  # a gram that so many functions share tells nothing
_CANDIDATES = 6
_MIN_SHARED = 0.2

Tokens = tuple[list[str], list[str], list[str]]


class GramIndex:
    """All grams of the project as one sorted array of `gram << 24 | function number`, plus what changed since."""

    def __init__(self, project: Project, sizes: DuplicateSizes) -> None:
        self._project = project
        self._sizes = sizes
        self._entries: list[Entry | None] = []
        self._counts: list[int] = []
        self._by_path: dict[str, list[int]] = {}
        self._recent: dict[int, list[int]] = {}
        pairs: list[int] = []
        for path in sorted(project.index.files):
            for number, grams in self._register(path):
                pairs.extend(gram << _ID_BITS | number for gram in grams)
        pairs.sort()
        self._packed = array("Q", pairs)

    def update(self, path: str) -> None:
        """Take the file's functions as they are now; a file that is gone loses all of them."""
        for number in self._by_path.pop(path, ()):
            self._entries[number] = None
        for number, grams in self._register(path):
            for gram in grams:
                self._recent.setdefault(gram, []).append(number)

    def _register(self, path: str) -> list[tuple[int, array[int]]]:
        file = self._project.index.files.get(path)
        if file is None or file.unowned or file.test:
            return []
        added: list[tuple[int, array[int]]] = []
        details = self._project.details(path)
        if len(details) != len(file.chunks):
            return []
        for chunk, detail in zip(file.chunks, details, strict=True):
            for facts, made in zip(chunk.core.functions, detail.grams, strict=True):
                if exempt(facts) or not self.large_enough(facts) or not made.data:
                    continue
                number = len(self._entries)
                grams = array("Q")
                grams.frombytes(made.data)
                self._entries.append(Entry(path, facts))
                self._counts.append(len(grams))
                self._by_path.setdefault(path, []).append(number)
                added.append((number, grams))
        return added

    def large_enough(self, facts: FunctionFacts) -> bool:
        """Whether a function is compared at all."""
        return facts.tokens >= self._sizes.near_tokens and facts.statements >= self._sizes.near_statements

    def candidates(self, grams: array[int]) -> list[Entry]:
        """Functions that share the most grams, best first."""
        shared: Counter[int] = Counter()
        packed = self._packed
        for gram in grams:
            start = bisect_left(packed, gram << _ID_BITS)
            stop = start
            while stop < len(packed) and packed[stop] >> _ID_BITS == gram and stop - start <= _CROWD:
                stop += 1
            if stop - start <= _CROWD:
                shared.update(number & ((1 << _ID_BITS) - 1) for number in packed[start:stop])
            shared.update(self._recent.get(gram, ()))
        scored: list[tuple[float, Entry]] = []
        for number, count in shared.items():
            entry = self._entries[number]
            if entry is not None:
                ratio = count / (len(grams) + self._counts[number] - count)
                if ratio >= _MIN_SHARED:
                    scored.append((ratio, entry))
        scored.sort(key=lambda item: -item[0])
        return [entry for _, entry in scored]


class NearMissFinder:
    """Compares one function with the project."""

    def __init__(self, project: Project, sizes: DuplicateSizes) -> None:
        self._project = project
        self._sizes = sizes
        self.grams = GramIndex(project, sizes)

    def find(self, path: str, facts: FunctionFacts, grams: array[int]) -> tuple[Entry, float] | None:
        """The most alike function that is neither equal nor exempt, with the ratio of equal tokens."""
        mine: Tokens | None = None
        best: tuple[Entry, float] | None = None
        compared = 0
        for entry in self.grams.candidates(grams):
            other = entry.facts
            if other is facts or (entry.path == path and other.qualname == facts.qualname):
                continue
            if other.renamed == facts.renamed or twins(path, facts, entry):
                continue
            if min(other.tokens, facts.tokens) < 0.55 * max(other.tokens, facts.tokens):
                continue
            mine = mine or self._tokens(path, facts)
            theirs = self._tokens(entry.path, other)
            compared += 1
            if mine and theirs:
                ratio = likeness(mine, theirs)
                if ratio >= self._sizes.near_ratio and (best is None or ratio > best[1]):
                    best = (entry, ratio)
            if compared >= _CANDIDATES:
                break
        return best

    def _tokens(self, path: str, facts: FunctionFacts) -> Tokens | None:
        node = read_definition(self._project, path, facts)
        return function_tokens(node) if node is not None else None


def likeness(mine: Tokens, theirs: Tokens) -> float:
    """Ratio of equal tokens of two functions; 0 where they are alike in shape only.

    The ratio is difflib's over blind tokens. Functions that call different things, map one local to several others, or
    differ in most of their string constants are told apart however alike their shape.
    """
    exact_a, renamed_a, blind_a = mine
    exact_b, renamed_b, blind_b = theirs
    outside_a, outside_b = _outside(renamed_a, blind_a), _outside(renamed_b, blind_b)
    shared = sum((outside_a & outside_b).values())
    smaller = min(sum(outside_a.values()), sum(outside_b.values()))
    larger = max(sum(outside_a.values()), sum(outside_b.values()))
    if shared < 0.8 * smaller or shared < 0.66 * larger:
        return 0.0
    strings_a, strings_b = _strings(exact_a), _strings(exact_b)
    if (
        strings_a
        and strings_b
        and 2 * sum((strings_a & strings_b).values()) < max(sum(strings_a.values()), sum(strings_b.values()))
    ):
        return 0.0
    matcher = SequenceMatcher(None, blind_a, blind_b, autojunk=False)
    ratio = matcher.ratio()
    return ratio if ratio < 0.5 or _consistent(matcher, renamed_a, renamed_b) else 0.0


def _outside(renamed: list[str], blinded: list[str]) -> Counter[str]:
    """Names that are not locals, attributes and keywords: what a function is about."""
    return Counter(
        token
        for token, blind in zip(renamed, blinded, strict=True)
        if blind[:1] not in {"\x01", "\x02", "<"} and token.isprintable()
    )


def _strings(exact: list[str]) -> Counter[str]:
    return Counter(token for token in exact if token[:1] in {"'", '"'} and len(token) > 4)


def _consistent(matcher: SequenceMatcher[str], renamed_a: list[str], renamed_b: list[str]) -> bool:
    """Whether each local of one stands for one local of the other, along the alignment."""
    partners: defaultdict[str, Counter[str]] = defaultdict(Counter)
    total = 0
    for start_a, start_b, size in matcher.get_matching_blocks():
        for step in range(size):
            token = renamed_a[start_a + step]
            if token[:1] == "\x01":
                partners[token][renamed_b[start_b + step]] += 1
                total += 1
    agreeing = sum(counter.most_common(1)[0][1] for counter in partners.values())
    return not total or agreeing >= 0.85 * total
