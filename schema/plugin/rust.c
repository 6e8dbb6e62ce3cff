/* Emits bindings/rust/wws/src/api: for each file of the schema one with its
 * enumerations, structs, callback tables and objects.  Two objects have no
 * type: that of errors, and the one that completions name as their queue.
 * Lines are broken as rustfmt breaks them. */
#include "emitters.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct rust {
    const struct model *model;
    struct list reached; /* full names of types and enumerations */
};

/* The objects */

static const struct object *queue_of(const struct model *model)
{
    const struct type *table = model->completion;

    for (size_t i = 0; table != NULL && i < table->slots_count; i++)
        if (is_message(&table->slots[i], HANDLE))
            return table->slots[i].type->object;
    return NULL;
}

static bool is_hidden(const struct model *model, const struct object *object)
{
    return object == model->error || object == queue_of(model);
}

static bool is_hidden_handle(const struct model *model, const struct slot *slot)
{
    return is_message(slot, HANDLE) && is_hidden(model, slot->type->object);
}

static bool is_view(const struct slot *slot)
{
    if (is_message(slot, RECORD)) {
        for (size_t i = 0; i < slot->type->slots_count; i++)
            if (is_view(&slot->type->slots[i]))
                return true;
    }
    return slot->kind == STRING || (slot->kind == BYTES && !slot->moved);
}

static bool is_owned(const struct call *call, const struct parameter *parameter)
{
    return call->role == CREATE || parameter->slot->moved;
}

/* Whether an object gives away what ends when it changes: then only one thread
 * may have it. */
static bool is_alone(const struct object *object)
{
    if (object->borrowed)
        return true;
    for (size_t i = 0; i < object->calls_count; i++) {
        const struct call *call = &object->calls[i];

        for (size_t j = 0; j < call->parameters_count; j++) {
            const struct parameter *parameter = &call->parameters[j];

            if (parameter->out && !parameter->in
                    && (is_view(parameter->slot)
                        || (is_message(parameter->slot, HANDLE)
                            && !is_owned(call, parameter))))
                return true;
        }
    }
    return false;
}

/* What of the schema is to be seen: all that functions of objects mention,
 * those of the queue left out. */

static void reach(struct rust *rust, const struct slot *slot)
{
    if (slot->kind == ENUMERATION
            && !listed(&rust->reached, slot->enumeration->full_name))
        add(&rust->reached, slot->enumeration->full_name);
    if (slot->kind != MESSAGE || slot->type->shape == HANDLE
            || listed(&rust->reached, slot->type->full_name))
        return;
    add(&rust->reached, slot->type->full_name);
    for (size_t i = 0; i < slot->type->slots_count; i++)
        reach(rust, &slot->type->slots[i]);
}

static void reach_all(struct rust *rust)
{
    for (size_t i = 0; i < rust->model->objects_count; i++) {
        const struct object *object = &rust->model->objects[i];

        if (object == queue_of(rust->model))
            continue;
        for (size_t j = 0; j < object->calls_count; j++)
            for (size_t k = 0; k < object->calls[j].parameters_count; k++)
                reach(rust, object->calls[j].parameters[k].slot);
    }
}

/* Names */

static const char *const keywords[] = {
    "as",   "break", "const", "crate",  "dyn",    "else",   "enum", "extern",
    "fn",   "for",   "if",    "impl",   "in",     "let",    "loop", "match",
    "mod",  "move",  "mut",   "pub",    "ref",    "return", "self", "static",
    "super", "true", "type",  "unsafe", "use",    "where",  "while",
};

static bool is_free_name(const struct object *object, const char *name)
{
    for (size_t i = 0; i < object->calls_count; i++)
        if (strcmp(object->calls[i].name.snake, name) == 0)
            return false;
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(keywords[i], name) == 0)
            return false;
    return true;
}

/* create: new; create_for_listener: for_listener; get_state: state. */
static const char *function_name(const struct call *call)
{
    static const char create[] = "create_", get[] = "get_";
    const char *name = call->name.snake;
    const char *rest = name;

    if (call->role == CREATE && strcmp(name, "create") == 0)
        return "new";
    if (call->role == CREATE && strncmp(name, create, sizeof create - 1) == 0)
        rest += sizeof create - 1;
    else if (strncmp(name, get, sizeof get - 1) == 0)
        rest += sizeof get - 1;
    return is_free_name(call->object, rest) ? rest : name;
}

/* A digit cannot begin a name: what does is a version. */
static const char *value_name(const struct value *value)
{
    const char *name = value->short_name.upper;

    return isdigit((unsigned char) *name) ? say("V%s", name) : name;
}

static const char *default_value(const struct slot *slot)
{
    const struct enumeration *enumeration = slot->enumeration;

    for (size_t i = 0; i < enumeration->values_count; i++)
        if (slot->value == NULL
                || strcmp(enumeration->values[i].name, slot->value) == 0)
            return say("%s::%s", enumeration->name.pascal,
                       value_name(&enumeration->values[i]));
    return "";
}

/* Documentation */

static const struct rust *speaker;

static const char *said_of_call(const struct call *call)
{
    const struct object *object = call->object;

    if (is_hidden(speaker->model, object) || call->role == FREE)
        return say("`wws_%s`", call->function);
    if (object->free_functions)
        return say("[`%s`]", function_name(call));
    return say("[`%s::%s`]", object->name.pascal, function_name(call));
}

static const char *said_of_value(
    const struct enumeration *enumeration, const struct value *value)
{
    if (!listed(&speaker->reached, enumeration->full_name))
        return say("`%s`", value->constant);
    return say("[`%s::%s`]", enumeration->name.pascal, value_name(value));
}

/* Addresses are code, not links. */
static const char *quoted_addresses(const char *words)
{
    struct text text = { 0 };

    while (*words != '\0') {
        size_t size = strcspn(words, " \n");
        size_t rest = strspn(words + size, " \n");
        const char *word = say("%.*s", (int) size, words);
        size_t bare = size > 0 && strchr(".,;:", word[size - 1]) != NULL
                          ? size - 1 : size;

        if (strstr(word, "://") != NULL)
            word = say("`%.*s`%s", (int) bare, word, word + bare);
        put(&text, "$word$$rest$", "word", word,
            "rest", say("%.*s", (int) rest, words + size));
        words += size + rest;
    }
    return text.size > 0 ? text.data : "";
}

static void put_rustdoc(
    struct text *text,
    const struct rust *rust,
    const char *indent,
    const char *words)
{
    static const struct speech speech = {
        said_of_call, said_of_value, "[`u32::MAX`]"
    };
    const char *margin = say("%s/// ", indent);

    speaker = rust;
    words = quoted_addresses(in_speech(rust->model, words, &speech));
    put_paragraphs(text, margin, margin, words, "");
}

static const char *with(const char *words, const char *sentence)
{
    return say("%s  %s", words, sentence);
}

/* Text in the shape of rustfmt's */

static const char *trimmed(const char *words)
{
    size_t size = strlen(words);

    while (size > 0 && words[size - 1] == ' ')
        size--;
    return say("%.*s", (int) size, words);
}

static void put_items(
    struct text *text,
    const char *indent,
    const char *head,
    const struct list *items,
    const char *tail)
{
    struct text line = { 0 };

    put(&line, "$indent$$head$", "indent", indent, "head", head);
    for (size_t i = 0; i < items->count; i++)
        put(&line, i > 0 ? ", $item$" : "$item$", "item", items->items[i]);
    put(&line, "$tail$", "tail", tail);
    if (line.size <= COLUMNS || items->count == 0) {
        put(text, "$line$\n", "line", line.data);
        return;
    }
    put(text, "$indent$$head$\n", "indent", indent, "head", trimmed(head));
    for (size_t i = 0; i < items->count; i++)
        put(text, "$indent$    $item$,\n", "indent", indent,
            "item", items->items[i]);
    put(text, "$indent$$tail$\n", "indent", indent,
        "tail", tail + strspn(tail, " "));
}

/* "let a = b;" on one line or two. */
static void put_statement(
    struct text *text, const char *indent, const char *statement)
{
    size_t value = strcspn(statement, "=") + 1;

    if (strlen(indent) + strlen(statement) <= COLUMNS)
        put(text, "$indent$$statement$\n",
            "indent", indent, "statement", statement);
    else
        put(text, "$indent$$name$\n$indent$    $value$\n",
            "indent", indent, "name", say("%.*s", (int) value, statement),
            "value", statement + value + 1);
}

/* Enumerations */

static void put_enumeration(
    struct text *text,
    const struct rust *rust,
    const struct enumeration *enumeration)
{
    put(text, "\nvalues! {\n");
    put_rustdoc(text, rust, "    ", enumeration->doc);
    put(text, "    pub struct $name$($integer$) {\n",
        "name", enumeration->name.pascal,
        "integer", enumeration->is_status ? "i32" : "u32");
    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];

        put_rustdoc(text, rust, "        ", value->doc);
        put(text, "        $name$ = $number$,\n",
            "name", value_name(value),
            "number", say("%" PRId32, value->number));
    }
    put(text, "    }\n}\n");
}

/* Structs, tables and records */

static bool has_shape(const struct type *type, enum shape shape)
{
    if (type->shape == shape)
        return true;
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].kind == MESSAGE && is_struct(type->slots[i].type)
                && has_shape(type->slots[i].type, shape))
            return true;
    return false;
}

/* Whether a struct mentions objects, which it borrows. */
static bool borrows(const struct model *model, const struct type *type)
{
    if (type->shape != STRUCT)
        return false;
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (is_message(slot, HANDLE) && !is_hidden_handle(model, slot))
            return true;
        if (slot->kind == MESSAGE && borrows(model, slot->type))
            return true;
    }
    return false;
}

/* Whether what C sees of a struct has parts that stand elsewhere. */
static bool has_parts(const struct type *type)
{
    if (type->shape == TABLE)
        return true;
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (slot->repeated || (slot->kind == MESSAGE && is_struct(slot->type)))
            return true;
    }
    return false;
}

static bool has_required(const struct type *type)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].required && type->shape != RECORD)
            return true;
    return false;
}

static bool is_callback(const struct slot *slot)
{
    return is_message(slot, CALLBACK);
}

static bool has_queue(const struct model *model, const struct type *type)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (is_hidden_handle(model, &type->slots[i]))
            return true;
    return false;
}

/* A callback that may be null because a queue may take its place is not null
 * here. */
static bool is_needed(
    const struct model *model, const struct type *type, const struct slot *slot)
{
    return slot->required || (is_callback(slot) && has_queue(model, type));
}

static bool needs_all(const struct model *model, const struct type *type)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (!is_hidden_handle(model, &type->slots[i])
                && is_needed(model, type, &type->slots[i]))
            return true;
    return false;
}

static const char *scalar(const struct slot *slot)
{
    static const char *const names[] = {
        [BOOL] = "bool", [INT32] = "i32",  [UINT32] = "u32",
        [INT64] = "i64", [UINT64] = "u64", [DOUBLE] = "f64",
    };

    if (slot->pointer)
        return "usize";
    return slot->kind == ENUMERATION ? slot->enumeration->name.pascal
                                     : names[slot->kind];
}

static const char *struct_name(
    const struct model *model, const struct type *type)
{
    return borrows(model, type) ? say("%s<'_>", type->name.pascal)
                                : type->name.pascal;
}

/* What a callback takes. */
static const char *callback_type(const struct slot *slot)
{
    if (slot->kind == STRING)
        return "&str";
    if (slot->kind == BYTES)
        return "&[u8]";
    if (slot->kind == MESSAGE)
        return say("&%s", slot->type->name.pascal);
    return scalar(slot);
}

static const char *closure(const struct slot *slot)
{
    const struct type *type = slot->type;
    const char *arguments = "";

    for (size_t i = 0; i < type->slots_count; i++)
        if (&type->slots[i] != type->result)
            arguments = say("%s%s%s", arguments, *arguments ? ", " : "",
                            callback_type(&type->slots[i]));
    return say("Fn(%s)%s + Send + Sync", arguments,
               type->result != NULL ? " -> Status" : "");
}

static const char *member_type(
    const struct model *model, const struct type *type, const struct slot *slot)
{
    const char *name = slot->kind == MESSAGE ? slot->type->name.pascal : "";

    if (slot->repeated)
        return say("Vec<%s>", slot->kind == STRING ? "String" : scalar(slot));
    if (slot->kind == STRING)
        return "String";
    if (slot->kind == BYTES)
        return "Vec<u8>";
    if (slot->kind != MESSAGE)
        return scalar(slot);
    if (is_callback(slot))
        name = say("Arc<dyn %s>", closure(slot));
    else if (slot->type->shape == HANDLE)
        name = say(is_alone(slot->type->object) ? "&'a mut %s" : "&'a %s",
                   name);
    else if (borrows(model, slot->type))
        name = say("%s<'a>", name);
    if (is_needed(model, type, slot))
        return name;
    return say("Option<%s>", name);
}

static const char *initial(const struct slot *slot)
{
    if (slot->repeated)
        return "Vec::new()";
    if (slot->kind == STRING)
        return "String::new()";
    if (slot->kind == BYTES)
        return "Vec::new()";
    if (slot->kind == MESSAGE)
        return "None";
    if (slot->kind == ENUMERATION)
        return default_value(slot);
    if (slot->kind == UINT32 && slot->value != NULL
            && strcmp(slot->value, "4294967295") == 0)
        return "u32::MAX";
    if (slot->kind == UINT64 && slot->value != NULL
            && strcmp(slot->value, "18446744073709551615") == 0)
        return "u64::MAX";
    if (slot->value != NULL)
        return slot->value;
    return slot->kind == BOOL ? "false" : slot->kind == DOUBLE ? "0.0" : "0";
}

static const char *derived(const struct model *model, const struct type *type)
{
    if (borrows(model, type))
        return "";
    if (has_shape(type, TABLE))
        return type->shape == TABLE && !needs_all(model, type)
                   ? "#[derive(Clone, Default)]\n" : "#[derive(Clone)]\n";
    return "#[derive(Clone, Debug, PartialEq)]\n";
}

static const char *lifetime_of(
    const struct model *model, const struct type *type, const char *lifetime)
{
    return borrows(model, type) ? say("<%s>", lifetime) : "";
}

static void put_members(
    struct text *text, const struct rust *rust, const struct type *type)
{
    put_rustdoc(text, rust, "", type->doc);
    put(text, "$derived$pub struct $name$$lifetime$ {\n",
        "derived", derived(rust->model, type),
        "name", type->name.pascal,
        "lifetime", lifetime_of(rust->model, type, "'a"));
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (is_hidden_handle(rust->model, slot)
                || (type->shape == RECORD && slot->kind == MESSAGE))
            continue;
        put_rustdoc(text, rust, "    ", slot->doc);
        put(text, "    pub $name$: $type$,\n", "name", slot->name.snake,
            "type", member_type(rust->model, type, slot));
    }
    put(text, "}\n");
}

static const char *maker_type(
    const struct model *model, const struct type *type, const struct slot *slot)
{
    if (!slot->repeated && slot->kind == STRING)
        return "impl Into<String>";
    if (!slot->repeated && slot->kind == BYTES)
        return "impl Into<Vec<u8>>";
    if (is_callback(slot))
        return say("impl %s + 'static", closure(slot));
    return member_type(model, type, slot);
}

static const char *made(
    const struct model *model, const struct type *type, const struct slot *slot)
{
    const char *name = slot->name.snake;

    if (!is_needed(model, type, slot))
        return say("%s: %s", name, initial(slot));
    if (is_callback(slot))
        return say("%s: Arc::new(%s)", name, name);
    if (!slot->repeated && (slot->kind == STRING || slot->kind == BYTES))
        return say("%s: %s.into()", name, name);
    return name;
}

/* With all that is required, or without anything: the former is only the
 * beginning of the type's own functions. */
static void put_maker(
    struct text *text, const struct rust *rust, const struct type *type)
{
    const struct model *model = rust->model;
    bool needy = needs_all(model, type);
    struct list parameters = { 0 };
    struct list members = { 0 };

    if (!needy && type->shape == TABLE)
        return;
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (is_hidden_handle(model, slot))
            continue;
        if (is_needed(model, type, slot))
            add(&parameters, say("%s: %s", slot->name.snake,
                                 maker_type(model, type, slot)));
        add(&members, made(model, type, slot));
    }
    put(text, needy ? "\nimpl$lifetime$ $name$$lifetime$ {\n"
                      "    /// What is required; all else has its default.\n"
                    : "\nimpl Default for $name$$elided$ {\n",
        "name", type->name.pascal,
        "lifetime", lifetime_of(model, type, "'a"),
        "elided", lifetime_of(model, type, "'_"));
    put_items(text, "    ", needy ? "pub fn new(" : "fn default(", &parameters,
              ") -> Self {");
    put_items(text, "        ", "Self { ", &members, " }");
    put(text, needy ? "    }\n\n" : "    }\n}\n");
}

/* How a member gets its value for C. */
static const char *lowered(
    const struct model *model, const struct type *type, const struct slot *slot)
{
    const char *name = slot->name.snake;
    bool needed = is_needed(model, type, slot);

    if (slot->pointer)
        return say("%s: self.%s as *mut c_void", name, name);
    if (slot->kind == STRING)
        return say("%s: support::string(&self.%s)", name, name);
    if (slot->kind == BYTES)
        return say("%s: support::bytes(&self.%s)", name, name);
    if (slot->kind == BOOL)
        return say("%s: self.%s.into()", name, name);
    if (slot->kind == ENUMERATION)
        return say("%s: self.%s.0", name, name);
    if (slot->kind != MESSAGE)
        return say("%s: self.%s", name, name);
    if (is_callback(slot) && needed)
        return say("%s: Some(Self::%s)", name, name);
    if (is_callback(slot))
        return say("%s: self.%s.as_ref().map(|_| Self::%s as _)", name, name,
                   name);
    if (slot->type->shape == HANDLE)
        return needed ? say("%s: self.%s.handle", name, name)
                      : say("%s: support::handle(&self.%s)", name, name);
    return say("%s", name);
}

/* Parts of a struct that stand elsewhere come first. */
static void put_part(
    struct text *text,
    const struct model *model,
    const struct type *type,
    const struct slot *slot)
{
    const char *name = slot->name.snake;
    const char *keep = "";

    if (slot->repeated) {
        put(text, "        let $name$ = keep.array($items$);\n",
            "name", name,
            "items", say(slot->kind == STRING ? "support::strings(&self.%s)"
                                              : "self.%s.clone()", name));
        return;
    }
    if (slot->kind != MESSAGE || !is_struct(slot->type))
        return;
    if (has_parts(slot->type))
        keep = "keep";
    if (is_needed(model, type, slot)) {
        put(text, "        let $name$ = self.$name$.lower($keep$);\n"
                  "        let $name$ = keep.part($name$);\n",
            "name", name, "keep", keep);
        return;
    }
    put_statement(text, "        ",
                  say("let %s = self.%s.as_ref().map(|it| it.lower(%s));", name,
                      name, keep));
    put(text, "        let $name$ = keep.optional($name$);\n", "name", name);
}

static void put_lower(
    struct text *text, const struct rust *rust, const struct type *type)
{
    struct list parameters = { 0 };

    add(&parameters, "&self");
    if (has_parts(type))
        add(&parameters, "keep: &mut Keep");
    if (!needs_all(rust->model, type))
        put(text, "\nimpl $name$$lifetime$ {\n",
            "name", type->name.pascal,
            "lifetime", lifetime_of(rust->model, type, "'_"));
    put_items(text, "    ", "pub(crate) fn lower(", &parameters,
              say(") -> sys::wws_%s {", type->name.snake));
    for (size_t i = 0; i < type->slots_count; i++)
        put_part(text, rust->model, type, &type->slots[i]);
    put(text,
        "        sys::wws_$snake$ {\n"
        "            struct_size: size_of::<sys::wws_$snake$>() as u32,\n"
        "            version: sys::WWS_VERSION,\n",
        "snake", type->name.snake);
    if (type->shape == TABLE)
        put(text,
            "            state: keep.state(self.clone()),\n"
            "            free_state: Some(support::free_state::<Self>),\n");
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (is_hidden_handle(rust->model, slot))
            continue;
        if (slot->repeated)
            put(text, "            $name$,\n"
                      "            $name$_count: self.$name$.len(),\n",
                "name", slot->name.snake);
        else
            put(text, "            $member$,\n",
                "member", lowered(rust->model, type, slot));
    }
    put(text,
        "            ..Default::default()\n"
        "        }\n"
        "    }\n");
}

/* Callbacks, as C calls them */

static const char *raw_type(const struct slot *slot)
{
    if (slot->kind == STRING)
        return "sys::wws_string";
    if (slot->kind == BYTES)
        return "sys::wws_bytes";
    if (slot->kind == ENUMERATION)
        return slot->enumeration->is_status ? "i32" : "u32";
    if (slot->kind == MESSAGE)
        return say("sys::wws_%s", slot->type->name.snake);
    return slot->pointer ? "*mut c_void" : scalar(slot);
}

static const char *given(const struct slot *slot)
{
    const char *name = slot->name.snake;

    if (slot->kind == STRING)
        return say("&%s", name);
    if (slot->kind == ENUMERATION)
        return say("%s(%s)", slot->enumeration->name.pascal, name);
    if (slot->kind == MESSAGE)
        return say(slot->type->object->free == NULL ? "&%s::of(%s)"
                                                    : "&Lent::new(%s::of(%s))",
                   slot->type->name.pascal, name);
    return slot->pointer ? say("%s as usize", name) : name;
}

/* A closure of one call, on one line if there is room. */
static void put_guarded(
    struct text *text,
    const char *guard,
    const char *head,
    const struct list *items,
    const char *tail)
{
    struct text line = { 0 };

    put_items(&line, "        ", say("%s%s", guard, head), items,
              say("%s)", tail));
    if (strchr(line.data, '\n') == line.data + line.size - 1
            && line.size <= COLUMNS + 1) {
        put(text, "$line$", "line", line.data);
        return;
    }
    put(text, "        $guard${\n", "guard", guard);
    put_items(text, "            ", head, items, tail);
    put(text, "        })\n");
}

static void put_trampoline(
    struct text *text,
    const struct model *model,
    const struct type *table,
    const struct slot *slot)
{
    const struct type *type = slot->type;
    const char *name = slot->name.snake;
    bool needed = is_needed(model, table, slot);
    struct list parameters = { 0 };
    struct list arguments = { 0 };

    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *argument = &type->slots[i];

        if (argument == type->result)
            continue;
        add(&parameters, say("%s: %s", argument->name.snake,
                             raw_type(argument)));
        add(&arguments, given(argument));
    }
    add(&parameters, "state: *mut c_void");
    put(text, "\n");
    put_items(text, "    ", say("unsafe extern \"C\" fn %s(", name),
              &parameters,
              type->result != NULL ? ") -> sys::wws_status {" : ") {");
    put(text,
        "        let table = unsafe { support::table::<Self>(state) };\n");
    for (size_t i = 0; i < type->slots_count; i++)
        if (is_view(&type->slots[i]))
            put(text,
                "        let $name$ = unsafe { support::$lift$($name$) };\n",
                "name", type->slots[i].name.snake,
                "lift", type->slots[i].kind == STRING ? "text" : "octets");
    put_guarded(text,
                type->result != NULL ? "support::guard(support::PANICKED.0, || "
                                     : "support::guard((), || ",
                needed ? say("(table.%s)(", name)
                       : say("table.%s.as_ref().map_or(%s, |it| it(", name,
                             type->result != NULL ? "0" : "()"),
                &arguments,
                say("%s%s", type->result != NULL ? ").0" : ")",
                    needed ? "" : ")"));
    put(text, "    }\n");
}

static void put_struct(
    struct text *text, const struct rust *rust, const struct type *type)
{
    put(text, "\n");
    put_members(text, rust, type);
    put_maker(text, rust, type);
    put_lower(text, rust, type);
    for (size_t i = 0; i < type->slots_count; i++)
        if (is_callback(&type->slots[i]))
            put_trampoline(text, rust->model, type, &type->slots[i]);
    put(text, "}\n");
}

/* Records: their values alone, for what they refer to may be gone. */

static const char *lifted(const struct slot *slot)
{
    const char *name = slot->name.snake;

    if (slot->pointer)
        return say("%s: raw.%s as usize", name, name);
    if (slot->kind == STRING)
        return say("%s: unsafe { support::text(raw.%s) }", name, name);
    if (slot->kind == BYTES)
        return say(slot->moved
                       ? "%s: Buffer(raw.%s).to_vec()"
                       : "%s: unsafe { support::octets(raw.%s) }.to_vec()",
                   name, name);
    if (slot->kind == BOOL)
        return say("%s: raw.%s != 0", name, name);
    if (slot->kind == ENUMERATION)
        return say("%s: %s(raw.%s)", name, slot->enumeration->name.pascal,
                   name);
    return say("%s: raw.%s", name, name);
}

static void put_record(
    struct text *text, const struct rust *rust, const struct type *type)
{
    put(text, "\n");
    put_members(text, rust, type);
    put(text,
        "\n"
        "impl $name$ {\n"
        "    pub(crate) fn slot() -> sys::wws_$snake$ {\n"
        "        sys::wws_$snake$ {\n"
        "            struct_size: size_of::<sys::wws_$snake$>() as u32,\n"
        "            version: sys::WWS_VERSION,\n"
        "            ..Default::default()\n"
        "        }\n"
        "    }\n"
        "\n"
        "    pub(crate) fn lift(raw: &sys::wws_$snake$) -> Self {\n"
        "        Self {\n",
        "name", type->name.pascal, "snake", type->name.snake);
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].kind != MESSAGE)
            put(text, "            $member$,\n",
                "member", lifted(&type->slots[i]));
    put(text,
        "        }\n"
        "    }\n"
        "}\n");
}

/* Functions */

/* How a function comes out: some have a short form, without what has a
 * default, and those that wait have a twin that blocks. */
struct form {
    const struct rust *rust;
    const struct call *call;
    bool brief;
    bool blocks;
};

static bool is_default(const struct parameter *parameter)
{
    return parameter->in && !parameter->required
           && (is_message(parameter->slot, STRUCT)
               || is_message(parameter->slot, HANDLE));
}

static bool is_input(
    const struct model *model, const struct parameter *parameter)
{
    return parameter->in && !parameter->capacity
           && !is_hidden_handle(model, parameter->slot);
}

static bool has_brief(const struct model *model, const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_default(&call->parameters[i])
                && is_input(model, &call->parameters[i]))
            return true;
    return false;
}

static const char *form_name(const struct form *form)
{
    return say("%s%s%s", function_name(form->call),
               !form->brief && has_brief(form->rust->model, form->call)
                   ? "_with" : "",
               form->blocks ? "_blocking" : "");
}

static const char *parameter_type(
    const struct form *form, const struct parameter *parameter)
{
    const struct model *model = form->rust->model;
    const struct slot *slot = parameter->slot;
    const char *type;

    if (slot->repeated)
        return slot->kind == STRING ? "&[&str]" : say("&[%s]", scalar(slot));
    if (slot->kind == STRING)
        return "&str";
    if (slot->kind == BYTES)
        return slot->moved ? "Buffer" : "&[u8]";
    if (slot->kind != MESSAGE)
        return scalar(slot);
    type = struct_name(model, slot->type);
    if (slot->type->shape == HANDLE)
        type = say(form->call->async && is_alone(slot->type->object)
                       ? "&mut %s" : "&%s", type);
    if (parameter->required
            || (slot->type->shape == STRUCT && !has_required(slot->type)))
        return type;
    return say("Option<%s>", type);
}

static struct list parameters_of(const struct form *form)
{
    const struct call *call = form->call;
    struct list list = { 0 };

    if (call->has_self)
        add(&list, "&self");
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];

        if (is_input(form->rust->model, parameter)
                && !(form->brief && is_default(parameter)))
            add(&list, say("%s: %s", parameter->slot->name.snake,
                           parameter_type(form, parameter)));
    }
    return list;
}

/* Outputs */

static bool is_result(const struct parameter *parameter)
{
    return parameter->out
           && !(parameter->in && is_message(parameter->slot, HANDLE));
}

static const char *result_type(
    const struct call *call, const struct parameter *parameter)
{
    const struct slot *slot = parameter->slot;

    if (slot->kind == STRING || slot->text)
        return "String";
    if (slot->kind == BYTES)
        return slot->moved ? "Buffer" : "Vec<u8>";
    if (slot->kind != MESSAGE)
        return scalar(slot);
    if (slot->type->shape != HANDLE)
        return slot->type->name.pascal;
    if (call->role == CREATE && slot->type->object == call->object)
        return "Self";
    return is_owned(call, parameter)
               ? slot->type->name.pascal
               : say("Lent<'_, %s>", slot->type->name.pascal);
}

static const char *joined(const struct list *items)
{
    const char *all = "";

    for (size_t i = 0; i < items->count; i++)
        all = say("%s%s%s", all, i > 0 ? ", " : "", items->items[i]);
    return items->count == 1 ? all : say("(%s)", all);
}

static const char *results(const struct call *call)
{
    struct list list = { 0 };
    const char *type;

    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_result(&call->parameters[i]))
            add(&list, result_type(call, &call->parameters[i]));
    type = joined(&list);
    if (call->may_end)
        return list.count == 0 ? "bool" : say("Option<%s>", type);
    return type;
}

static bool has_results(const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_result(&call->parameters[i]))
            return true;
    return false;
}

/* Pointers of the library's may go to another thread while it waits. */
static bool is_raw(const struct call *call, const struct slot *slot)
{
    return call->async && is_view(slot);
}

static const char *empty(
    const struct call *call, const struct parameter *parameter)
{
    const struct slot *slot = parameter->slot;
    const char *value = "0";

    if (parameter->in && is_message(slot, HANDLE))
        return say("support::handle(&%s)", slot->name.snake);
    if (parameter->in)
        return slot->name.snake;
    if (slot->kind == ENUMERATION)
        return say("%s(0)", slot->enumeration->name.pascal);
    if (slot->kind == BYTES && slot->moved)
        return "Buffer::default()";
    if (slot->kind == STRING || slot->kind == BYTES)
        value = say("%s::default()", raw_type(slot));
    else if (is_message(slot, RECORD))
        value = say("%s::slot()", slot->type->name.pascal);
    else if (slot->kind == MESSAGE)
        value = say("%s::default()", raw_type(slot));
    else if (slot->kind == BOOL || slot->kind == DOUBLE)
        value = slot->kind == BOOL ? "false" : "0.0";
    return is_raw(call, slot) ? say("Raw(%s)", value) : value;
}

/* Whether an output has another type than C's, of the same size. */
static bool is_cast(const struct call *call, const struct slot *slot)
{
    return slot->pointer || slot->kind == ENUMERATION || is_raw(call, slot)
           || (slot->kind == BYTES && slot->moved);
}

static const char *converted(
    const struct call *call,
    const struct parameter *parameter,
    const char *value)
{
    const struct slot *slot = parameter->slot;

    if (is_raw(call, slot))
        value = say("%s.0", value);
    if (slot->kind == STRING)
        return say("unsafe { support::text(%s) }", value);
    if (slot->kind == BYTES && !slot->moved)
        return say("unsafe { support::octets(%s) }.to_vec()", value);
    if (slot->text)
        return say("%s.to_string()", value);
    if (is_message(slot, RECORD))
        return say("%s::lift(&%s)", slot->type->name.pascal, value);
    if (!is_message(slot, HANDLE))
        return value;
    if (call->role == CREATE && slot->type->object == call->object)
        return say("Self::of(%s)", value);
    value = say("%s::of(%s)", slot->type->name.pascal, value);
    return is_owned(call, parameter) ? value : say("Lent::new(%s)", value);
}

static size_t outputs_count(const struct call *call)
{
    size_t count = 0;

    for (size_t i = 0; i < call->parameters_count; i++)
        count += call->parameters[i].out;
    return count;
}

static const char *place(const struct call *call, size_t index)
{
    const struct slot *slot = call->parameters[index].slot;
    const char *where = "out";
    size_t at = 0;

    for (size_t i = 0; i < index; i++)
        at += call->parameters[i].out;
    if (outputs_count(call) > 1)
        where = say("ptr::addr_of_mut!((*out).%zu)", at);
    return is_cast(call, slot) ? say("%s.cast()", where) : where;
}

/* Arguments of the function in C */

static const char *argument(
    const struct form *form, const struct parameter *parameter)
{
    const struct slot *slot = parameter->slot;
    const char *name = slot->name.snake;

    if (is_hidden_handle(form->rust->model, slot))
        return "Default::default()";
    if (slot->pointer)
        return say("%s as *mut c_void", name);
    if (slot->kind == STRING)
        return say("support::string(%s)", name);
    if (slot->kind == BYTES)
        return say(slot->moved ? "&mut %s.0" : "support::bytes(%s)", name);
    if (slot->kind == ENUMERATION)
        return say("%s.0", name);
    if (slot->kind != MESSAGE)
        return name;
    if (slot->type->shape == HANDLE)
        return parameter->required
                   ? say("%s.handle", name)
                   : say("support::handle(&%s)", name);
    if (parameter->required
            || (slot->type->shape == STRUCT && !has_required(slot->type)))
        return say("&%s", name);
    return say("support::pointer(&%s)", name);
}

static struct list arguments_of(const struct form *form)
{
    const struct call *call = form->call;
    struct list list = { 0 };

    if (call->has_self)
        add(&list, "self.handle");
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const char *name = parameter->slot->name.snake;

        if (parameter->out) {
            add(&list, place(call, i));
        } else if (parameter->slot->repeated) {
            add(&list, say("%s.as_ptr()", name));
            add(&list, say("%s.len()", name));
        } else {
            add(&list, argument(form, parameter));
        }
    }
    if (call->async)
        add(&list, "completion");
    if (call->has_error)
        add(&list, "error");
    return list;
}

/* What has to be made of the parameters first. */
static struct list preparations(const struct form *form)
{
    const struct call *call = form->call;
    struct list list = { 0 };

    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;
        const char *name = slot->name.snake;
        const char *keep;

        if (!parameter->in || parameter->out)
            continue;
        if (slot->repeated && slot->kind == STRING)
            add(&list, say("let %s = support::strings(%s);", name, name));
        if (!slot->repeated && slot->kind == BYTES && slot->moved)
            add(&list, say("let mut %s = %s;", name, name));
        if (slot->kind != MESSAGE || !is_struct(slot->type))
            continue;
        keep = has_parts(slot->type) ? "&mut keep" : "";
        if (*argument(form, parameter) == '&')
            add(&list, say("let %s = %s.lower(%s);", name, name, keep));
        else
            add(&list, say("let %s = %s.as_ref().map(|it| it.lower(%s));", name,
                           name, keep));
    }
    return list;
}

static bool keeps(const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].in && call->parameters[i].slot->kind == MESSAGE
                && is_struct(call->parameters[i].slot->type)
                && has_parts(call->parameters[i].slot->type))
            return true;
    return false;
}

/* A call of the library's, on one line if there is room. */
static void put_unsafe(
    struct text *text,
    const char *indent,
    const char *around,
    const char *head,
    const struct list *items)
{
    const char *end = *around != '\0' ? ")" : "";
    struct text line = { 0 };

    put_items(&line, indent, say("%sunsafe { %s", around, head), items,
              say(") }%s", end));
    if (strchr(line.data, '\n') == line.data + line.size - 1
            && line.size <= COLUMNS + 1) {
        put(text, "$line$", "line", line.data);
        return;
    }
    put(text, "$indent$$around$unsafe {\n",
        "indent", indent, "around", around);
    put_items(text, say("%s    ", indent), head, items, ")");
    put(text, "$indent$}$end$\n", "indent", indent, "end", end);
}

/* The closure that calls the function, from its opening brace on. */
static void put_closure(
    struct text *text, const struct form *form, const char *indent)
{
    struct list arguments = arguments_of(form);
    struct list first = preparations(form);
    const char *inner = say("%s    ", indent);
    const char *head = say("sys::wws_%s(", form->call->function);

    if (first.count == 0) {
        put(text, "unsafe {\n");
        put_items(text, inner, head, &arguments, ")");
        put(text, "$indent$}", "indent", indent);
        return;
    }
    put(text, "{\n");
    if (keeps(form->call))
        put(text, "$indent$let mut keep = Keep::default();\n",
            "indent", inner);
    for (size_t i = 0; i < first.count; i++)
        put_statement(text, inner, first.items[i]);
    put_unsafe(text, inner, keeps(form->call) ? "keep.settle(" : "", head,
               &arguments);
    put(text, "$indent$}", "indent", indent);
}

/* What a future does that is dropped. */

static const struct parameter *cancelled_through(const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_message(call->parameters[i].slot, HANDLE)
                && call->parameters[i].slot->type->object
                       == call->canceller->object
                && call->canceller->object != call->object)
            return &call->parameters[i];
    return NULL;
}

static const char *canceller(const struct call *call)
{
    const struct parameter *through = cancelled_through(call);
    const char *name = function_name(call->canceller);

    if (through == NULL)
        return say("|_| self.%s()", name);
    if (!through->out)
        return say(through->required ? "|_| %s.%s()"
                                     : "|_| %s.map(|it| it.%s())",
                   through->slot->name.snake, name);
    for (size_t i = 0, at = 0; i < call->parameters_count; i++) {
        if (&call->parameters[i] == through)
            return say("|out| unsafe { sys::wws_%s((*out)%s) }",
                       call->canceller->function,
                       outputs_count(call) > 1 ? say(".%zu", at) : "");
        at += call->parameters[i].out;
    }
    return "";
}

/* Bodies */

static void put_start(struct text *text, const struct form *form)
{
    const struct call *call = form->call;
    struct list empties = { 0 };
    const char *out = "()", *taken = "_";

    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].out)
            add(&empties, empty(call, &call->parameters[i]));
    if (empties.count > 0)
        out = taken = "out";
    if (empties.count > 1)
        put_items(text, "        ", "let out = (", &empties, ");");
    else if (empties.count == 1)
        put(text, "        let out = $empty$;\n", "empty", empties.items[0]);

    put(text, has_results(call) || call->may_end ? "        let done = "
                                                 : "        ");
    if (call->async && !form->blocks) {
        put(text,
            "pending::wait(\n"
            "            $out$,\n"
            "            move |$taken$, completion, error| ",
            "out", out, "taken", taken);
        put_closure(text, form, "            ");
        put(text,
            ",\n"
            "            $canceller$,\n"
            "        )\n"
            "        .await?;\n",
            "canceller", canceller(call));
        return;
    }
    put(text,
        call->async ? "pending::block($out$, |$taken$, completion, error| "
                    : "support::call($out$, |$taken$, error| ",
        "out", out, "taken", taken);
    put_closure(text, form, "        ");
    put(text, ")?;\n");
}

static void put_mapped(
    struct text *text, const char *pattern, const char *value)
{
    const char *head = say("        Ok(done.unless_end().map(|%s| ", pattern);

    put(text, strlen(head) + strlen(value) + 2 <= COLUMNS
                  ? "$head$$value$))\n"
                  : "$head${\n            $value$\n        }))\n",
        "head", head, "value", value);
}

static void put_end(struct text *text, const struct call *call)
{
    const struct parameter *last = call->parameters;
    struct list names = { 0 };
    struct list values = { 0 };
    const char *pattern, *value;

    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const char *name = say("%s%s", is_result(parameter) ? "" : "_",
                               parameter->slot->name.snake);

        if (!parameter->out)
            continue;
        last = parameter;
        add(&names, name);
        if (is_result(parameter))
            add(&values, converted(call, parameter, name));
    }
    pattern = joined(&names);
    value = joined(&values);
    if (values.count == 0)
        put(text, call->may_end ? "        Ok(done.unless_end().is_some())\n"
                                : "        Ok(())\n");
    else if (strcmp(pattern, value) == 0)
        put(text, call->may_end ? "        Ok(done.unless_end())\n"
                                : "        Ok(done.out)\n");
    else if (call->may_end)
        put_mapped(text, pattern, value);
    else if (names.count == 1)
        put(text, "        Ok($value$)\n",
            "value", converted(call, last, "done.out"));
    else
        put(text, "        let $pattern$ = done.out;\n"
                  "        Ok($value$)\n",
            "pattern", pattern, "value", value);
}

/* The long form, called with defaults. */
static void put_brief(struct text *text, const struct form *form)
{
    const struct call *call = form->call;
    struct form whole = *form;
    struct list arguments = { 0 };

    whole.brief = false;
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        bool is_option = *parameter_type(form, parameter) == 'O';

        if (!is_input(form->rust->model, parameter))
            continue;
        add(&arguments, !is_default(parameter) ? parameter->slot->name.snake
                        : is_option            ? "None"
                                               : say("%s::default()",
                                      parameter->slot->type->name.pascal));
    }
    put_items(text, "        ",
              say("%s%s(", call->has_self ? "self." : "Self::",
                  form_name(&whole)),
              &arguments, call->async && !form->blocks ? ").await" : ")");
}

static const char *doc_of(const struct form *form)
{
    const struct call *call = form->call;
    const char *words = call->doc;
    const char *object = call->object->name.pascal;
    struct form other = *form;

    if (form->blocks) {
        other.blocks = false;
        return say("[`%s::%s`], blocking; [`%s::%s`] from another thread ends "
                   "it early.", object, form_name(&other),
                   call->canceller->object->name.pascal,
                   function_name(call->canceller));
    }
    if (!form->brief && has_brief(form->rust->model, call)) {
        other.brief = true;
        return say("[`%s::%s`], with everything that has a default.", object,
                   form_name(&other));
    }
    if (call->async)
        words = say("%s\n\nDropping the future ends it early, by [`%s::%s`].",
                    words, call->canceller->object->name.pascal,
                    function_name(call->canceller));
    return words;
}

static void put_form(struct text *text, const struct form *form)
{
    const struct call *call = form->call;
    struct list parameters = parameters_of(form);

    put(text, "\n");
    put_rustdoc(text, form->rust, "    ", doc_of(form));
    put_items(text, "    ",
              say("pub %sfn %s(", call->async && !form->blocks ? "async " : "",
                  form_name(form)),
              &parameters, say(") -> Result<%s> {", results(call)));
    if (form->brief) {
        put_brief(text, form);
    } else {
        put_start(text, form);
        put_end(text, call);
    }
    put(text, "    }\n");
}

static void put_cancel(
    struct text *text, const struct rust *rust, const struct call *call)
{
    put(text, "\n");
    put_rustdoc(text, rust, "    ", call->doc);
    put(text,
        "    pub fn $name$(&self) -> Status {\n"
        "        Status(unsafe { sys::wws_$function$(self.handle) })\n"
        "    }\n",
        "name", function_name(call), "function", call->function);
}

static void put_call_forms(
    struct text *text, const struct rust *rust, const struct call *call)
{
    if (call->role == FREE)
        return;
    if (call->role == CANCEL && call->parameters_count == 0) {
        put_cancel(text, rust, call);
        return;
    }
    for (int brief = 1; brief >= 0; brief--)
        for (int blocks = 0; blocks <= call->async; blocks++) {
            struct form form = { rust, call, brief, blocks };

            if (!brief || has_brief(rust->model, call))
                put_form(text, &form);
        }
}

/* Objects */

static const char *object_doc(const struct object *object)
{
    if (object->has_default)
        return with(object->doc, "The default one is that of `default()`.");
    if (object->borrowed)
        return with(object->doc, "It belongs to whom it is lent to, for as "
                                 "long.");
    return object->doc;
}

static void put_object(
    struct text *text, const struct rust *rust, const struct object *object)
{
    const char *field = object->borrowed  ? "    pub(crate) notes: Notes,\n"
                        : is_alone(object) ? "    alone: Alone,\n"
                                           : "";
    const char *value = object->borrowed  ? ", notes: Notes::default()"
                        : is_alone(object) ? ", alone: Alone::default()"
                                           : "";

    put(text, "\n");
    put_rustdoc(text, rust, "", object_doc(object));
    put(text,
        "#[derive(Debug$default$)]\n"
        "pub struct $name$ {\n"
        "    pub(crate) handle: sys::wws_$snake$,\n"
        "$field$"
        "}\n"
        "\n"
        "impl $name$ {\n"
        "    pub(crate) fn of(handle: sys::wws_$snake$) -> Self {\n"
        "        Self { handle$value$ }\n"
        "    }\n",
        "default", object->has_default ? ", Default" : "",
        "name", object->name.pascal, "snake", object->name.snake,
        "field", field, "value", value);
    for (size_t i = 0; i < object->calls_count; i++)
        put_call_forms(text, rust, &object->calls[i]);
    put(text,
        "}\n"
        "\n"
        "impl Object for $name$ {\n"
        "    type Handle = sys::wws_$snake$;\n"
        "\n"
        "    fn handle(&self) -> Self::Handle {\n"
        "        self.handle\n"
        "    }\n"
        "}\n",
        "name", object->name.pascal, "snake", object->name.snake);
    if (object->free != NULL)
        put(text,
            "\n"
            "impl Drop for $name$ {\n"
            "    fn drop(&mut self) {\n"
            "        unsafe { sys::wws_$function$(self.handle) };\n"
            "    }\n"
            "}\n",
            "name", object->name.pascal, "function", object->free->function);
}

/* A function that needs no object gives its result back by value. */
static void put_free_function(
    struct text *text, const struct rust *rust, const struct call *call)
{
    const struct slot *result = call->response->slots;
    struct form form = { rust, call, false, false };
    struct list parameters = parameters_of(&form);
    struct list arguments = { 0 };
    const char *tail = ")";

    for (size_t i = 0; i < call->parameters_count; i++)
        if (!call->parameters[i].out)
            add(&arguments, argument(&form, &call->parameters[i]));
    if (call->response->slots_count > 0)
        tail = say(") -> %s",
                   result->kind == STRING ? "&'static str" : scalar(result));
    put(text, "\n");
    put_rustdoc(text, rust, "", call->doc);
    put_items(text, "", say("pub fn %s(", function_name(call)), &parameters,
              say("%s {", tail));
    put_items(text, "    ",
              say(call->response->slots_count > 0 && result->kind == STRING
                      ? "unsafe { support::name(sys::wws_%s("
                  : call->response->slots_count > 0
                          && result->kind == ENUMERATION
                      ? say("%s(unsafe { sys::wws_%%s(",
                            result->enumeration->name.pascal)
                      : "unsafe { sys::wws_%s(",
                  call->function),
              &arguments,
              call->response->slots_count == 0 ? ") }"
              : result->kind == STRING         ? ")) }"
              : result->kind == ENUMERATION    ? ") })"
                                               : ") }");
    put(text, "}\n");
}

/* Files */

static const char *stem(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *name = slash != NULL ? slash + 1 : file;

    return say("%.*s", (int) strcspn(name, "."), name);
}

static void put_types_of(
    struct text *text, const struct rust *rust, const char *file)
{
    const struct model *model = rust->model;

    for (size_t i = 0; i < model->enumerations_count; i++)
        if (strcmp(model->enumerations[i].file, file) == 0
                && (model->enumerations[i].is_status
                    || listed(&rust->reached,
                              model->enumerations[i].full_name)))
            put_enumeration(text, rust, &model->enumerations[i]);
    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *type = model->structs[i];

        if (strcmp(type->file, file) != 0
                || !listed(&rust->reached, type->full_name))
            continue;
        if (type->shape == RECORD)
            put_record(text, rust, type);
        else
            put_struct(text, rust, type);
    }
}

static void put_objects_of(
    struct text *text, const struct rust *rust, const char *file)
{
    const struct model *model = rust->model;

    for (size_t i = 0; i < model->objects_count; i++) {
        const struct object *object = &model->objects[i];

        if (strcmp(object->file, file) != 0 || is_hidden(model, object))
            continue;
        if (!object->free_functions) {
            put_object(text, rust, object);
            continue;
        }
        for (size_t j = 0; j < object->calls_count; j++)
            if (object->calls[j].role != FREE)
                put_free_function(text, rust, &object->calls[j]);
    }
}

static void add_once(struct list *list, const char *item)
{
    if (!listed(list, item))
        add(list, item);
}

static struct list files_of(const struct model *model)
{
    struct list all = files_of_types(model);
    struct list more = files_of_calls(model);
    struct list sorted = { 0 };

    for (size_t i = 0; i < more.count; i++)
        add_once(&all, more.items[i]);
    while (sorted.count < all.count) {
        const char *least = NULL;

        for (size_t i = 0; i < all.count; i++)
            if (!listed(&sorted, all.items[i])
                    && (least == NULL || strcmp(all.items[i], least) < 0))
                least = all.items[i];
        add(&sorted, least);
    }
    return sorted;
}

static void put_list(
    struct text *text, const struct rust *rust, const struct list *names)
{
    put(text,
        "// Generated by schema/plugin from schema/wws; change it there.\n"
        "//! The surface: a module for each file of the schema.\n"
        "#![allow(unused_imports)]\n"
        "#![allow(clippy::derivable_impls, clippy::needless_update)]\n"
        "#![allow(clippy::type_complexity)]\n"
        "\n"
        "use std::ffi::c_void;\n"
        "use std::mem::size_of;\n"
        "use std::ptr;\n"
        "use std::sync::Arc;\n"
        "\n"
        "use wws_sys as sys;\n"
        "\n"
        "use crate::buffer::Buffer;\n"
        "use crate::error::Result;\n"
        "use crate::support::{Alone, Keep, Lent, Notes, Object, Raw};\n"
        "use crate::{pending, support};\n"
        "\n");
    for (size_t i = 0; i < names->count; i++)
        put(text, "mod $name$;\n", "name", names->items[i]);
    put(text, "\n");
    for (size_t i = 0; i < names->count; i++)
        put(text, "pub use $name$::*;\n", "name", names->items[i]);
    put(text,
        "\n"
        "/// The version of the interface that this crate was made for.\n"
        "pub const VERSION: u32 = $version$;\n",
        "version", say("%" PRIu32, rust->model->version));
}

void emit_rust(const struct model *model, struct output **outputs)
{
    struct rust rust = { .model = model };
    struct list files = files_of(model);
    struct list names = { 0 };

    reach_all(&rust);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = stem(files.items[i]);
        struct text body = { 0 };
        struct text *text;

        put_types_of(&body, &rust, files.items[i]);
        put_objects_of(&body, &rust, files.items[i]);
        if (body.size == 0)
            continue;
        add(&names, name);
        text = open_output(outputs,
                           say("bindings/rust/wws/src/api/%s.rs", name));
        put_paragraphs(text, "// ", "// ",
                       say("Generated by schema/plugin from schema/%s; change "
                           "it there.", files.items[i]), "");
        put(text,
            "\n"
            "use super::*;\n"
            "$body$",
            "body", body.data);
    }
    put_list(open_output(outputs, "bindings/rust/wws/src/api/mod.rs"), &rust,
             &names);
}
