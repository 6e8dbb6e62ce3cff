/* Emits wws/types.h and wws/wws.h, and spells C for the other emitters.  Each
 * place in a struct is explicit: where a compiler would pad, and where a
 * version ends, stands a reserved word. */
#include "emitters.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Spelling */

const char *c_type(const struct slot *slot)
{
    static const char *const names[] = {
        [BOOL] = "bool",         [INT32] = "int32_t",  [UINT32] = "uint32_t",
        [INT64] = "int64_t",     [UINT64] = "uint64_t", [DOUBLE] = "double",
        [STRING] = "wws_string", [BYTES] = "wws_bytes",
    };

    if (slot->pointer)
        return "void *";
    if (slot->kind == MESSAGE)
        return say("wws_%s", slot->type->name.snake);
    if (slot->kind == ENUMERATION)
        return say("wws_%s", slot->enumeration->name.snake);
    if (slot->kind == BYTES && slot->moved)
        return "wws_buffer";
    return names[slot->kind];
}

static const char *declaration(const char *type, const char *name)
{
    bool pointer = type[strlen(type) - 1] == '*';

    return say(pointer ? "%s%s" : "%s %s", type, name);
}

static const char *pointer_to(const char *type)
{
    return declaration(type, "*");
}

static bool by_pointer(const struct slot *slot)
{
    return slot->kind == MESSAGE && is_struct(slot->type);
}

static void add_array(struct list *list, const struct slot *slot)
{
    const char *name = slot->name.snake;

    add(list, declaration(say("const %s", pointer_to(c_type(slot))), name));
    add(list, say("size_t %s_count", name));
}

static void add_input(struct list *list, const struct slot *slot)
{
    const char *type = c_type(slot);

    if (slot->repeated) {
        add_array(list, slot);
        return;
    }
    if (by_pointer(slot))
        type = say("const %s", pointer_to(type));
    else if (slot->kind == BYTES && slot->moved)
        type = pointer_to(type);
    add(list, declaration(type, slot->name.snake));
}

struct list c_parameters(const struct call *call)
{
    struct list list = { 0 };

    if (call->has_self)
        add(&list, say("wws_%s %s", call->object->name.snake,
                       call->object->name.snake));
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        if (!parameter->out)
            add_input(&list, slot);
        else if (!call->object->free_functions)
            add(&list, declaration(pointer_to(c_type(slot)),
                                   slot->name.snake));
    }
    if (call->async)
        add(&list, "const wws_completion *completion");
    if (call->has_error)
        add(&list, "wws_error error");
    if (list.count == 0)
        add(&list, "void");
    return list;
}

const char *c_result(const struct call *call)
{
    const struct slot *slot = call->response->slots;

    if (!call->object->free_functions)
        return "wws_status";
    if (call->response->slots_count == 0)
        return "void";
    return slot->kind == STRING ? "const char *" : c_type(slot);
}

const char *c_head(const struct call *call)
{
    return declaration(c_result(call), say("wws_%s(", call->function));
}

/* Documentation */

static void say_more(const char **words, const char *sentence)
{
    *words = say("%s  %s", *words, sentence);
}

/* A name as words. */
static const char *spoken(const char *name)
{
    char *words = say("%s", name);

    for (char *at = words; *at != '\0'; at++)
        if (*at == '_')
            *at = ' ';
    return words;
}

/* "a", "a and b", "a, b and c". */
static const char *enumerated(const struct list *names)
{
    const char *words = "";

    for (size_t i = 0; i < names->count; i++) {
        const char *between = i == 0                 ? ""
                              : i + 1 < names->count ? ", "
                                                     : " and ";

        words = say("%s%s%s", words, between, spoken(names->items[i]));
    }
    return words;
}

static void say_of_all(
    const char **words,
    const struct list *names,
    const char *of_one,
    const char *of_many)
{
    if (names->count > 0)
        say_more(words, say("The %s %s", enumerated(names),
                            names->count == 1 ? of_one : of_many));
}

/* Sorts parameters by what has to be said of them. */
struct remarks {
    struct list read_until_completion;
    struct list placed_until_completion;
    struct list read_until_free;
    struct list good_until_free;
    struct list taken;
    struct list may_be_null;
    struct list may_be_zero;
};

static void remark(struct remarks *remarks, const struct parameter *parameter)
{
    const struct slot *slot = parameter->slot;
    const char *name = slot->name.snake;
    bool handle = is_message(slot, HANDLE);

    if (slot->lifetime == FOR_COMPLETION)
        add(parameter->out ? &remarks->placed_until_completion
                           : &remarks->read_until_completion, name);
    if (slot->lifetime == FOR_OBJECT)
        add(parameter->out ? &remarks->good_until_free
                           : &remarks->read_until_free, name);
    if (slot->moved && !parameter->out)
        add(&remarks->taken, name);
    if (parameter->required)
        return;
    if (parameter->out || by_pointer(slot)
            || (slot->kind == BYTES && slot->moved))
        add(&remarks->may_be_null, name);
    else if (handle)
        add(&remarks->may_be_zero, name);
}

static void say_moved_out(const char **words, const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;
        const char *giver = "wws_buffer_release";

        if (!slot->moved || !call->parameters[i].out)
            continue;
        if (slot->kind == MESSAGE && slot->type->object->free == NULL)
            continue;
        if (slot->kind == MESSAGE)
            giver = say("wws_%s", slot->type->object->free->function);
        say_more(words,
                 say("Give the %s back by %s().",
                     spoken(slot->name.snake), giver));
    }
}

static void say_remarks(const char **words, const struct call *call)
{
    struct remarks remarks = { 0 };
    const char *owner = spoken(call->object->name.snake);

    for (size_t i = 0; i < call->parameters_count; i++)
        remark(&remarks, &call->parameters[i]);
    say_of_all(words, &remarks.may_be_null, "may be null.", "may be null.");
    say_of_all(words, &remarks.may_be_zero, "may be zero.", "may be zero.");
    say_of_all(words, &remarks.read_until_completion,
               "is read until the call completes.",
               "are read until the call completes.");
    say_of_all(words, &remarks.placed_until_completion,
               "must stay in place until the call completes.",
               "must stay in place until the call completes.");
    say_of_all(words, &remarks.read_until_free,
               say("is read until the %s is freed.", owner),
               say("are read until the %s is freed.", owner));
    say_of_all(words, &remarks.good_until_free,
               say("is good until the %s is freed.", owner),
               say("are good until the %s is freed.", owner));
    say_of_all(words, &remarks.taken, "is moved and belongs to the library.",
               "are moved and belong to the library.");
    say_moved_out(words, call);
}

static const char *call_doc(const struct call *call)
{
    const char *words = call->doc;

    if (call->async)
        say_more(&words, say("wws_%s() ends it early.",
                             call->canceller->function));
    if (call->any_thread)
        say_more(&words, "May be called from any thread while other calls are "
                         "pending.");
    if (!call->object->free_functions)
        say_remarks(&words, call);
    if (call->since > 1)
        say_more(&words, say("Since version %" PRIu32 ".", call->since));
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].slot->doc != NULL)
            words = say("%s\n- %s: %s", words,
                        call->parameters[i].slot->name.snake,
                        call->parameters[i].slot->doc);
    return words;
}

static const char *member_doc(const struct type *type, const struct slot *slot)
{
    const char *words = slot->doc;

    if (slot->required && type->shape != RECORD)
        say_more(&words, "Required.");
    if (slot->lifetime == FOR_COMPLETION)
        say_more(&words, "Read until the call completes.");
    if (slot->lifetime == FOR_OBJECT)
        say_more(&words, "Read until the object is freed.");
    if (slot->moved)
        say_more(&words, "Belongs to the caller.");
    if (slot->since > type->since)
        say_more(&words, say("Since version %" PRIu32 ".", slot->since));
    return words;
}

static const char *since_doc(const char *doc, uint32_t since)
{
    const char *words = doc;

    if (since > 1)
        say_more(&words, say("Since version %" PRIu32 ".", since));
    return words;
}

static void put_words(
    struct text *text, const char *indent, const char *words, bool bare)
{
    if (!bare)
        put_doc(text, indent, words);
}

/* Types without an inside */

static void put_handle(
    struct text *text, const struct object *object, bool bare)
{
    const char *words = since_doc(object->doc, object->since);

    if (object->has_default)
        say_more(&words, "Zero names the default one.");
    if (object->borrowed)
        say_more(&words, "The handle is only lent.");
    put_words(text, "", words, bare);
    put(text,
        "typedef struct wws_$object$ {\n"
        "    uint64_t id;\n"
        "} wws_$object$;\n"
        "\n",
        "object", object->name.snake);
}

static void put_status(
    struct text *text, const struct enumeration *enumeration)
{
    put(text, "typedef int32_t wws_$name$;\n\n",
        "name", enumeration->name.snake);
    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];
        const char *number =
            value->number == 0 ? "0"
                               : say("0x%08" PRIX32, (uint32_t) value->number);

        put_doc(text, "", since_doc(value->doc, value->since));
        put(text, "#define $constant$ ((wws_$name$) $number$)\n\n",
            "constant", value->constant, "name", enumeration->name.snake,
            "number", number);
    }
}

/* A constant of an enum is an int, a member of that type has 32 bits in every
 * language. */
static void put_enumeration(
    struct text *text, const struct enumeration *enumeration, bool bare)
{
    put_words(text, "", enumeration->doc, bare);
    if (enumeration->is_status && !bare) {
        put_status(text, enumeration);
        return;
    }
    put(text,
        "typedef $integer$ wws_$name$;\n"
        "enum {\n",
        "name", enumeration->name.snake,
        "integer", enumeration->is_status ? "int32_t" : "uint32_t");
    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];

        put_words(text, "    ", since_doc(value->doc, value->since), bare);
        put(text, "    $constant$ = $number$$comma$\n",
            "constant", value->constant,
            "number", say("%" PRId32, value->number),
            "comma", i + 1 < enumeration->values_count ? "," : "");
    }
    put(text, "};\n\n");
}

/* Structs */

/* Sizes count by their remainder only: all alignments are 4 or 8, and what is
 * longer is a multiple of 8. */
static bool is_half_word(const struct slot *slot)
{
    return !slot->repeated && !slot->pointer
           && (slot->kind == BOOL || slot->kind == INT32
               || slot->kind == UINT32 || slot->kind == ENUMERATION);
}

/* The members in place: NULL stands for a reserved word. */
struct layout {
    const struct slot **members;
    size_t count;
};

static struct layout lay_out(const struct type *type)
{
    struct layout layout = {
        .members = keep((2 * type->slots_count + 1) * sizeof *layout.members),
    };
    uint32_t since = type->since;
    bool half = false;

    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (half && (!is_half_word(slot) || slot->since > since)) {
            layout.members[layout.count++] = NULL;
            half = false;
        }
        layout.members[layout.count++] = slot;
        half ^= is_half_word(slot);
        since = slot->since;
    }
    if (half)
        layout.members[layout.count++] = NULL;
    return layout;
}

static const char *member_type(const struct slot *slot)
{
    const char *type = c_type(slot);

    if (slot->kind == BOOL)
        return "uint32_t";
    return by_pointer(slot) ? say("const %s", pointer_to(type)) : type;
}

static void put_callback(struct text *text, const struct slot *slot)
{
    const struct type *callback = slot->type;
    struct list parameters = { 0 };

    for (size_t i = 0; i < callback->slots_count; i++)
        if (&callback->slots[i] != callback->result)
            add_input(&parameters, &callback->slots[i]);
    add(&parameters, "void *state");
    put_prototype(text, "    ",
                  say("%s (*%s)(",
                      callback->result != NULL ? "wws_status" : "void",
                      slot->name.snake),
                  &parameters, ");\n");
}

static void put_member(struct text *text, const struct slot *slot)
{
    struct list array = { 0 };

    if (slot->kind == MESSAGE && slot->type->shape == CALLBACK) {
        put_callback(text, slot);
        return;
    }
    if (!slot->repeated) {
        put(text, "    $member$;\n",
            "member", declaration(member_type(slot), slot->name.snake));
        return;
    }
    add_array(&array, slot);
    put(text, "    $data$;\n    $count$;\n",
        "data", array.items[0], "count", array.items[1]);
}

static void put_members(struct text *text, const struct type *type, bool bare)
{
    struct layout layout = lay_out(type);
    unsigned reserved = 0;

    for (size_t i = 0; i < layout.count; i++) {
        const struct slot *slot = layout.members[i];

        if (!bare)
            put(text, "\n");
        if (slot == NULL) {
            put(text, "    uint32_t reserved$number$;\n",
                "number", say("%u", reserved++));
            continue;
        }
        put_words(text, "    ", member_doc(type, slot), bare);
        put_member(text, slot);
    }
}

static void put_table_start(struct text *text, bool bare)
{
    put(text, "    void *state;\n");
    if (!bare)
        put(text,
            "\n"
            "    /** Releases the state.  Called exactly once if the table was"
            " accepted,\n"
            "     *  after the last call of any slot has returned.  May be"
            " null. */\n");
    put(text, "    void (*free_state)(void *state);\n");
}

struct list size_macros(const struct type *type)
{
    struct list list = { 0 };
    uint32_t since = 0;

    for (size_t i = 0; i <= type->slots_count; i++) {
        uint32_t next = i == 0 ? type->since : type->slots[i - 1].since;

        if (next != since)
            add(&list, say("WWS_%s_SIZE_V%" PRIu32, type->name.upper, next));
        since = next;
    }
    return list;
}

/* A version ends where the first member of the next one begins. */
static void put_sizes(struct text *text, const struct type *type)
{
    struct list macros = size_macros(type);
    size_t at = 0;

    for (size_t i = 0; i < type->slots_count; i++) {
        uint32_t before = i == 0 ? type->since : type->slots[i - 1].since;
        const char *end;

        if (type->slots[i].since == before)
            continue;
        end = say("offsetof(wws_%s, %s)", type->name.snake,
                  type->slots[i].name.snake);
        put(text,
            strlen(macros.items[at]) + strlen(end) + 9 <= COLUMNS
                ? "#define $macro$ $end$\n"
                : "#define $macro$ \\\n    $end$\n",
            "macro", macros.items[at], "end", end);
        at++;
    }
    put(text, "#define $macro$ sizeof(wws_$name$)\n\n",
        "macro", macros.items[at], "name", type->name.snake);
}

/* Values that are too large for the type a literal would have. */
static const char *number(const struct slot *slot)
{
    if (slot->kind == UINT32 && strcmp(slot->value, "4294967295") == 0)
        return "UINT32_MAX";
    if (slot->kind == UINT64
            && strcmp(slot->value, "18446744073709551615") == 0)
        return "UINT64_MAX";
    if (slot->kind == UINT64 && strtoull(slot->value, NULL, 10) > INT64_MAX)
        return say("%su", slot->value);
    return slot->value;
}

static const char *constant(const struct slot *slot)
{
    const struct enumeration *enumeration = slot->enumeration;

    for (size_t i = 0; i < enumeration->values_count; i++)
        if (slot->value == NULL
                || strcmp(enumeration->values[i].name, slot->value) == 0)
            return enumeration->values[i].constant;
    return "0";
}

static const char *initial(const struct type *type, const struct slot *slot)
{
    if (slot->repeated)
        return "NULL, 0";
    if (slot->pointer)
        return "NULL";
    if (slot->kind == BYTES && slot->moved)
        return "{ NULL, 0, NULL, NULL }";
    if (slot->kind == STRING || slot->kind == BYTES)
        return "{ NULL, 0 }";
    if (slot->kind == MESSAGE)
        return slot->type->shape == HANDLE ? "{ 0 }" : "NULL";
    if (slot->kind == ENUMERATION)
        return type->shape == RECORD ? "0" : constant(slot);
    if (slot->value == NULL)
        return "0";
    if (slot->kind == BOOL)
        return strcmp(slot->value, "true") == 0 ? "1" : "0";
    return number(slot);
}

/* A line of a macro that goes on. */
static void put_macro_line(struct text *text, const char *line)
{
    put(text, "$line$\\\n", "line", say("%-*s", COLUMNS - 2, line));
}

static void put_init(struct text *text, const struct type *type)
{
    struct layout layout = lay_out(type);
    struct list items = { 0 };
    const char *line = "    { ";

    add(&items, say("sizeof(wws_%s)", type->name.snake));
    add(&items, "WWS_VERSION");
    if (type->shape == TABLE) {
        add(&items, "NULL");
        add(&items, "NULL");
    }
    for (size_t i = 0; i < layout.count; i++)
        add(&items, layout.members[i] == NULL
                        ? "0" : initial(type, layout.members[i]));

    put_macro_line(text, say("#define WWS_%s_INIT", type->name.upper));
    for (size_t i = 0; i < items.count; i++) {
        bool last = i + 1 == items.count;
        const char *item = say("%s%s", items.items[i], last ? " }" : ",");

        if (i > 0 && strlen(line) + 1 + strlen(item) > COLUMNS - 3) {
            put_macro_line(text, line);
            line = say("      %s", item);
        } else {
            line = say(i > 0 ? "%s %s" : "%s%s", line, item);
        }
    }
    put(text, "$line$\n\n", "line", line);
}

static void put_struct(struct text *text, const struct type *type, bool bare)
{
    put_words(text, "", since_doc(type->doc, type->since), bare);
    put(text,
        "typedef struct wws_$name$ {\n"
        "    uint32_t struct_size;\n"
        "    uint32_t version;\n",
        "name", type->name.snake);
    if (type->shape == TABLE)
        put_table_start(text, bare);
    put_members(text, type, bare);
    put(text, "} wws_$name$;\n\n", "name", type->name.snake);
    if (bare)
        return;
    put_sizes(text, type);
    put_init(text, type);
}

void put_types(struct text *text, const struct model *model, bool bare)
{
    for (size_t i = 0; i < model->objects_count; i++)
        if (model->objects[i].handle != NULL)
            put_handle(text, &model->objects[i], bare);
    for (size_t i = 0; i < model->enumerations_count; i++)
        put_enumeration(text, &model->enumerations[i], bare);
    for (size_t i = 0; i < model->structs_count; i++)
        put_struct(text, model->structs[i], bare);
}

/* Files */

static void add_once(struct list *list, const char *item)
{
    if (!listed(list, item))
        add(list, item);
}

struct list files_of_types(const struct model *model)
{
    struct list files = { 0 };

    for (size_t i = 0; i < model->objects_count; i++)
        if (model->objects[i].handle != NULL)
            add_once(&files, model->objects[i].file);
    for (size_t i = 0; i < model->enumerations_count; i++)
        add_once(&files, model->enumerations[i].file);
    for (size_t i = 0; i < model->structs_count; i++)
        add_once(&files, model->structs[i]->file);
    return files;
}

struct list files_of_calls(const struct model *model)
{
    struct list files = { 0 };

    for (size_t i = 0; i < model->objects_count; i++)
        add_once(&files, model->objects[i].file);
    return files;
}

void put_origin(struct text *text, const struct list *files, const char *what)
{
    const char *names = "";

    for (size_t i = 0; i < files->count; i++)
        names = say("%s%sschema/%s", names,
                    i == 0 ? "" : i + 1 < files->count ? ", " : " and ",
                    files->items[i]);
    put_comment(text, say("Generated by schema/plugin from %s; change it "
                          "there.  %s", names, what));
}

static void put_opening(
    struct text *text,
    const struct list *files,
    const char *what,
    const char *guard,
    const char *include)
{
    put_origin(text, files, what);
    put(text,
        "#ifndef $guard$\n"
        "#define $guard$\n"
        "\n"
        "#include \"$include$\"\n"
        "\n"
        "#ifdef __cplusplus\n"
        "extern \"C\" {\n"
        "#endif\n"
        "\n",
        "guard", guard, "include", include);
}

static void put_closing(struct text *text)
{
    put(text,
        "#ifdef __cplusplus\n"
        "}\n"
        "#endif\n"
        "\n"
        "#endif\n");
}

static void emit_types_header(
    const struct model *model, struct output **outputs)
{
    struct text *text = open_output(outputs, "capi/include/wws/types.h");
    struct list files = files_of_types(model);

    put_opening(text, &files, "All types of the interface: handles, enums, "
                "versioned structs and callback tables.",
                "WWS_TYPES_H", "base.h");
    put_types(text, model, false);
    put_closing(text);
}

static void emit_calls_header(
    const struct model *model, struct output **outputs)
{
    struct text *text = open_output(outputs, "capi/include/wws/wws.h");
    struct list files = files_of_calls(model);

    put_opening(text, &files, "All functions of the interface.", "WWS_WWS_H",
                "types.h");
    for (size_t i = 0; i < model->objects_count; i++)
        for (size_t j = 0; j < model->objects[i].calls_count; j++) {
            const struct call *call = &model->objects[i].calls[j];
            struct list parameters = c_parameters(call);

            put_doc(text, "", call_doc(call));
            put_prototype(text, "", say("WWS_API %s", c_head(call)),
                          &parameters, ");\n\n");
        }
    put_closing(text);
}

void emit_header(const struct model *model, struct output **outputs)
{
    emit_types_header(model, outputs);
    emit_calls_header(model, outputs);
}
