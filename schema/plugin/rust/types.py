"""Enumerations, structs, tables and records."""
from __future__ import annotations

from model import Enumeration, Kind, Shape, Slot, Type
from text import fill

from .callbacks import closure_type, trampoline
from .words import (
    Rust, enclosed, is_alone, is_callback, laid_out, member, scalar, statement)


def enumeration(rust: Rust, enumeration: Enumeration) -> str:
    values = [rust.doc(it.doc, "        ")
              + f"        {it.scoped_name} = {it.number},\n"
              for it in enumeration.values]
    return fill("""
        |
        |values! {
        |$doc$
        |    pub struct $name$($integer$) {
        |$values$
        |    }
        |}
        """, doc=rust.doc(enumeration.doc, "    "),
        name=enumeration.name.pascal, values="".join(values),
        integer="i32" if enumeration.is_status else "u32")

# Members


def initial(slot: Slot) -> str:
    if slot.kind is Kind.STRING and not slot.repeated:
        return "String::new()"
    if slot.kind is Kind.BYTES or slot.repeated:
        return "Vec::new()"
    if slot.kind is Kind.MESSAGE:
        return "None"
    if slot.kind is Kind.ENUM:
        value = slot.enumeration.default(slot.value)
        return f"{slot.enumeration.name.pascal}::{value.scoped_name}"
    if slot.value is None:
        return {Kind.BOOL: "false", Kind.DOUBLE: "0.0"}.get(slot.kind, "0")
    return f"{scalar(slot)}::MAX" if slot.is_greatest else slot.value


def member_type(rust: Rust, type: Type, slot: Slot) -> str:
    if slot.repeated:
        item = "String" if slot.kind is Kind.STRING else scalar(slot)
        return f"Vec<{item}>"
    if slot.kind is Kind.STRING:
        return "String"
    if slot.kind is Kind.BYTES:
        return "Vec<u8>"
    if not slot.type:
        return scalar(slot)
    name = slot.type.name.pascal
    if is_callback(slot):
        name = f"Arc<dyn {closure_type(slot)}>"
    elif slot.shape is Shape.HANDLE:
        name = (f"&'a mut {name}" if is_alone(slot.type.object)
                else f"&'a {name}")
    elif rust.borrows(slot.type):
        name = f"{name}<'a>"
    return name if rust.is_needed(type, slot) else f"Option<{name}>"


def has_tables(type: Type) -> bool:
    return type.shape is Shape.TABLE or any(
        it.is_struct and has_tables(it.type) for it in type.slots)


def derived(rust: Rust, type: Type) -> str:
    if rust.borrows(type):
        return ""
    if not has_tables(type):
        return "#[derive(Clone, Debug, PartialEq)]\n"
    if type.shape is Shape.TABLE and not rust.needs_all(type):
        return "#[derive(Clone, Default)]\n"
    return "#[derive(Clone)]\n"


def struct_type(rust: Rust, type: Type) -> str:
    members = [
        rust.doc(it.doc, "    ")
        + member(it.name.snake, member_type(rust, type, it))
        for it in rust.seen(type)
        if not (it.type and type.shape is Shape.RECORD)]
    return fill("""
        |
        |$doc$
        |$derived$
        |pub struct $name$$lifetime$ {
        |$members$
        |}
        """, doc=rust.doc(type.doc), derived=derived(rust, type),
        name=type.name.pascal, lifetime=rust.lifetime(type, "'a"),
        members="".join(members))


# How a value is made


def maker_type(rust: Rust, type: Type, slot: Slot) -> str:
    if not slot.repeated and slot.kind is Kind.STRING:
        return "impl Into<String>"
    if not slot.repeated and slot.kind is Kind.BYTES:
        return "impl Into<Vec<u8>>"
    if is_callback(slot):
        return f"impl {closure_type(slot)} + 'static"
    return member_type(rust, type, slot)


def made(rust: Rust, type: Type, slot: Slot) -> str:
    name = slot.name.snake
    if not rust.is_needed(type, slot):
        return f"{name}: {initial(slot)}"
    if is_callback(slot):
        return f"{name}: Arc::new({name})"
    if not slot.repeated and slot.kind in (Kind.STRING, Kind.BYTES):
        return f"{name}: {name}.into()"
    return name


def maker(rust: Rust, type: Type) -> str:
    """With all that is required, or without anything: the former is only the
    beginning of the type's own functions."""
    needy = rust.needs_all(type)
    if not needy and type.shape is Shape.TABLE:
        return ""
    parameters = [f"{it.name.snake}: {maker_type(rust, type, it)}"
                  for it in rust.seen(type) if rust.is_needed(type, it)]
    opening = """
        |
        |impl$lifetime$ $name$$lifetime$ {
        |    /// What is required; all else has its default.
        """ if needy else """
        |
        |impl Default for $name$$elided$ {
        """
    return "".join([
        fill(opening, name=type.name.pascal,
             lifetime=rust.lifetime(type, "'a"),
             elided=rust.lifetime(type, "'_")),
        laid_out("    ", "pub fn new(" if needy else "fn default(",
                 parameters, ") -> Self {"),
        laid_out("        ", "Self { ",
                 [made(rust, type, it) for it in rust.seen(type)], " }"),
        "    }\n\n" if needy else "    }\n}\n"])


# What C sees of it


def has_parts(type: Type) -> bool:
    """Whether what C sees of a struct has parts that stand elsewhere."""
    return type.shape is Shape.TABLE or any(it.repeated or it.is_struct
                                            for it in type.slots)


def has_required(type: Type) -> bool:
    return type.shape is not Shape.RECORD and any(it.required
                                                  for it in type.slots)


def is_plain_struct(slot: Slot) -> bool:
    """Whether all of it has defaults."""
    return slot.shape is Shape.STRUCT and not has_required(slot.type)


def lowered(rust: Rust, type: Type, slot: Slot) -> str:
    """How a member gets its value for C."""
    name = slot.name.snake
    needed = rust.is_needed(type, slot)
    if slot.pointer:
        return f"{name}: self.{name} as *mut c_void"
    if slot.kind is Kind.STRING:
        return f"{name}: support::string(&self.{name})"
    if slot.kind is Kind.BYTES:
        return f"{name}: support::bytes(&self.{name})"
    if slot.kind is Kind.BOOL:
        return f"{name}: self.{name}.into()"
    if slot.enumeration:
        return f"{name}: self.{name}.0"
    if not slot.type:
        return f"{name}: self.{name}"
    if is_callback(slot):
        return (f"{name}: Some(Self::{name})" if needed else
                f"{name}: self.{name}.as_ref().map(|_| Self::{name} as _)")
    if slot.shape is Shape.HANDLE:
        return (f"{name}: self.{name}.handle" if needed
                else f"{name}: support::handle(&self.{name})")
    return name


def part(rust: Rust, type: Type, slot: Slot) -> str:
    """Parts of a struct that stand elsewhere come first."""
    name = slot.name.snake
    if slot.repeated:
        items = (f"support::strings(&self.{name})"
                 if slot.kind is Kind.STRING else f"self.{name}.clone()")
        return statement("        ", f"let {name} = keep.array({items});")
    if not slot.is_struct:
        return ""
    keep = "keep" if has_parts(slot.type) else ""
    if rust.is_needed(type, slot):
        return fill("""
            |        let $name$ = self.$name$.lower($keep$);
            |        let $name$ = keep.part($name$);
            """, name=name, keep=keep)
    return statement(
        "        ",
        f"let {name} = self.{name}.as_ref().map(|it| it.lower({keep}));"
    ) + f"        let {name} = keep.optional({name});\n"


def lower(rust: Rust, type: Type) -> str:
    parameters = ["&self"]
    if has_parts(type):
        parameters.append("keep: &mut Keep")
    snake = type.name.snake
    members = [f"            {lowered(rust, type, it)},\n"
               if not it.repeated else fill("""
                   |            $name$,
                   |            $name$_count: self.$name$.len(),
                   """, name=it.name.snake) for it in rust.seen(type)]
    state = fill("""
        |            state: keep.state(self.clone()),
        |            free_state: Some(support::free_state::<Self>),
        """)
    elided = rust.lifetime(type, "'_")
    return "".join([
        "" if rust.needs_all(type)
        else f"\nimpl {type.name.pascal}{elided} {{\n",
        laid_out("    ", "pub(crate) fn lower(", parameters,
                 f") -> sys::wws_{snake} {{"),
        *(part(rust, type, it) for it in type.slots),
        fill("""
            |        sys::wws_$snake$ {
            |            struct_size: size_of::<sys::wws_$snake$>() as u32,
            |            version: sys::WWS_VERSION,
            |$state$
            |$members$
            |            ..Default::default()
            |        }
            |    }
            """, snake=snake, members="".join(members),
            state=state if type.shape is Shape.TABLE else "")])


def struct(rust: Rust, type: Type) -> str:
    return "".join([
        struct_type(rust, type), maker(rust, type), lower(rust, type),
        *(trampoline(rust, type, it) for it in type.callbacks),
        "}\n"])


# Records: their values alone, for what they refer to may be gone.


def lifted(slot: Slot) -> str:
    name = slot.name.snake
    if slot.pointer:
        return f"{name}: raw.{name} as usize"
    if slot.kind is Kind.STRING:
        return f"{name}: unsafe {{ support::text(raw.{name}) }}"
    if slot.is_buffer:
        return f"{name}: Buffer(raw.{name}).to_vec()"
    if slot.kind is Kind.BYTES:
        return f"{name}: unsafe {{ support::octets(raw.{name}) }}.to_vec()"
    if slot.kind is Kind.BOOL:
        return f"{name}: raw.{name} != 0"
    if slot.enumeration:
        return f"{name}: {slot.enumeration.name.pascal}(raw.{name})"
    return f"{name}: raw.{name}"


def lifted_member(slot: Slot) -> str:
    if not slot.repeated:
        return f"            {lifted(slot)},\n"
    name = slot.name.snake
    return enclosed(
        " " * 12, (f"{name}: unsafe {{ ", f"{name}: unsafe {{"),
        "support::texts(", [f"raw.{name}", f"raw.{name}_count"], ")",
        (" },", "},"))


def record(rust: Rust, type: Type) -> str:
    members = [lifted_member(it) for it in type.slots if not it.type]
    return struct_type(rust, type) + fill("""
        |
        |impl $name$ {
        |    pub(crate) fn slot() -> sys::wws_$snake$ {
        |        sys::wws_$snake$ {
        |            struct_size: size_of::<sys::wws_$snake$>() as u32,
        |            version: sys::WWS_VERSION,
        |            ..Default::default()
        |        }
        |    }
        |
        |    pub(crate) fn lift(raw: &sys::wws_$snake$) -> Self {
        |        Self {
        |$members$
        |        }
        |    }
        |}
        """, name=type.name.pascal, snake=type.name.snake,
        members="".join(members))
