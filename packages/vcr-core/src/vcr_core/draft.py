"""A frame between the recorder and the file: all is encoded but what is known only when its line is written."""

from __future__ import annotations

import msgspec

from vcr_core.frames import FrameRow
from vcr_core.state_chain import EncodedStates, FrameRef
from vcr_core.wire_format import frame_body


class Draft(msgspec.Struct):
    """A frame on its way to the file."""

    row: FrameRow
    fields: bytes
    head: bytes
    states: EncodedStates
    ref: FrameRef

    def size(self) -> int:
        """Return about how many bytes it will take."""
        return 300 + len(self.fields) + len(self.head) + len(self.states.fields)

    def body(self, index: int) -> bytes:
        """Return the unsealed line of this frame at that index."""
        self.row.index = self.ref.index = index
        states = self.states
        fields = states.fields
        if states.output_base is not None:
            fields = b'"output_base":%d,%b' % (states.output_base.index, fields)
        if states.base is not None:
            fields = b'"base":%d,%b' % (states.base.index, fields)
        return frame_body(index, self.fields, self.head, fields)
