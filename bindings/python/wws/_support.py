"""What generated modules import, whichever of ours it is in."""
from ._base import (END, INFINITE, NONE, Enumeration, Failure, Object, Owned,
                    Record, Struct, array_in, array_members, buffer_in, c_text,
                    default, ffi, handle_in, handle_or_none, invoke, lent, lib,
                    new_record, new_records, new_struct, octets_in, octets_out,
                    owned, pointer_in, pointer_out, reach, require, struct_in,
                    take_octets, take_text, text_in, text_out, texts_in,
                    texts_out)
from ._hosting import Handed, Raised, Served, hand
from ._serving import OTHER, ask, foreign, queued, tell
from ._waiting import Pending, twins

__all__ = [name for name in dir() if not name.startswith("_")]
