"""Columns as pandas sees them. A text column stays one piece of UTF-8 with offsets: a row becomes a str when somebody looks
at it, never before. Needs numpy and pandas."""

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray, ExtensionDtype, register_extension_dtype

from .graph import NONE


@register_extension_dtype
class TextDtype(ExtensionDtype):
    """Texts that lie in one buffer."""

    name, type, kind, na_value = "pmx.text", str, "O", ""

    @classmethod
    def construct_array_type(cls):
        return TextArray


class TextArray(ExtensionArray):
    """A pandas array over offsets (int64) and UTF-8 bytes. Rows chosen by take, filter or sort are numbers into the same
    bytes. `.astype(str)` makes a usual column of it."""

    def __init__(self, offsets, data, rows=None, decode=None):
        self._offsets, self._data, self._rows, self._decode = offsets, data, rows, decode
        self._dtype = TextDtype()

    @classmethod
    def of(cls, column):
        return cls(np.asarray(column.offsets), np.asarray(column.data))

    @classmethod
    def _from_sequence(cls, scalars, *, dtype=None, copy=False):
        encoded = [str(s).encode("utf-8", "surrogateescape") for s in scalars]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(e) for e in encoded], out=offsets[1:])
        return cls(offsets, np.frombuffer(b"".join(encoded), np.uint8))

    @classmethod
    def _from_factorized(cls, values, original):
        return cls._from_sequence(values)

    @classmethod
    def _concat_same_type(cls, arrays):
        return cls._from_sequence([text for a in arrays for text in a])

    dtype = property(lambda self: self._dtype)
    nbytes = property(lambda self: self._offsets.nbytes + self._data.nbytes)

    def __len__(self):
        return len(self._offsets) - 1 if self._rows is None else len(self._rows)

    def _at(self, row):
        if self._rows is not None:
            row = self._rows[row]
        if row < 0 and self._rows is not None:
            return ""
        return self._data[self._offsets[row]:self._offsets[row + 1]].tobytes().decode("utf-8", "surrogateescape")

    def __getitem__(self, item):
        item = pd.api.indexers.check_array_indexer(self, item)
        if isinstance(item, (int, np.integer)):
            if not -len(self) <= item < len(self):
                raise IndexError("no such row")
            return self._at(item % len(self))
        rows = np.arange(len(self), dtype=np.int64) if self._rows is None else self._rows
        return TextArray(self._offsets, self._data, rows[item])

    def __iter__(self):
        return (self._at(row) for row in range(len(self)))

    def take(self, indices, *, allow_fill=False, fill_value=None):
        rows = np.arange(len(self), dtype=np.int64) if self._rows is None else self._rows
        indices = np.asarray(indices, dtype=np.int64)
        if allow_fill:
            chosen = np.where(indices < 0, -1, rows[np.where(indices < 0, 0, indices)] if len(rows) else -1)
        else:
            chosen = rows[indices]
        return TextArray(self._offsets, self._data, chosen)

    def copy(self):
        return TextArray(self._offsets, self._data, self._rows)

    def isna(self):
        return np.zeros(len(self), bool) if self._rows is None else self._rows < 0

    def _values_for_factorize(self):
        return np.array(list(self), object), None

    def _values_for_argsort(self):
        return np.array(list(self), object)

    def _lengths(self):
        lengths = np.diff(self._offsets)
        return lengths if self._rows is None else lengths[self._rows]

    def __eq__(self, other):
        if not isinstance(other, str):
            return np.array([a == b for a, b in zip(self, other)], bool) if hasattr(other, "__iter__") else NotImplemented
        wanted = np.frombuffer(other.encode("utf-8", "surrogateescape"), np.uint8)
        result = self._lengths() == len(wanted)
        starts = self._offsets[:-1] if self._rows is None else self._offsets[self._rows]
        rows = np.flatnonzero(result)
        if len(rows) and len(wanted):
            result[rows] = (self._data[starts[rows][:, None] + np.arange(len(wanted))] == wanted).all(axis=1)
        return result

    def __ne__(self, other):
        return ~self.__eq__(other)

    def startswith(self, prefix):
        """A mask, without making a str of any row."""
        wanted = np.frombuffer(prefix.encode(), np.uint8)
        result = self._lengths() >= len(wanted)
        starts = self._offsets[:-1] if self._rows is None else self._offsets[self._rows]
        rows = np.flatnonzero(result)
        if len(rows) and len(wanted):
            result[rows] = (self._data[starts[rows][:, None] + np.arange(len(wanted))] == wanted).all(axis=1)
        return result

    def astype(self, dtype, copy=True):
        if isinstance(dtype, TextDtype) or dtype == "pmx.text":
            return self.copy()
        return pd.array(list(self), dtype=dtype) if isinstance(dtype, str) and dtype == "string" else np.array(list(self), dtype=dtype)

    def __array__(self, dtype=None):
        return np.array(list(self), dtype=dtype or object)


def plan_frame(plan):
    from .plan import KINDS, ROOTS
    table = plan._table
    package = np.asarray(table.package)
    # A row without a package is -1; the categories are the graph's ids, one object a package.
    ids = TextArray.of(table.graph.id)
    return pd.DataFrame({
        "kind": pd.Categorical.from_codes(np.asarray(table.kind).astype(np.int8), KINDS),
        "root": pd.Categorical.from_codes(np.asarray(table.root).astype(np.int8), ROOTS),
        "path": TextArray.of(table.path),
        "package": TextArray(ids._offsets, ids._data, np.where(package == NONE, -1, package.astype(np.int64))),
        "target": TextArray.of(table.target),
        "alias": TextArray.of(table.alias),
        "flag": np.asarray(table.flag),
    }, copy=False)


def graph_frame(graph):
    table = graph._table
    start = np.asarray(table.edge_start).astype(np.int64)
    return pd.DataFrame({
        "id": TextArray.of(table.id), "name": TextArray.of(table.name), "version": TextArray.of(table.version),
        "flags": np.asarray(table.flags), "dependencies": np.diff(start)[:table.packages],
    }, copy=False)
