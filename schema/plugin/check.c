/* Refuses a schema that would make a poor interface or break a released one.
 * A schema that passes has all that emitters rely on; they check nothing. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

/* What a slot may be, by where it stands. */
enum place { REQUEST, RESPONSE, IN_STRUCT, IN_TABLE, IN_CALLBACK, IN_RECORD };

enum {
    VALUES = 1 << 0, /* numbers, enums, strings and bytes */
    STRUCTS = 1 << 1,
    TABLES = 1 << 2,
    CALLBACKS = 1 << 3,
    HANDLES = 1 << 4,
    RECORDS = 1 << 5,
    ARRAYS = 1 << 6, /* of numbers and strings */
    RECORD_ARRAYS = 1 << 7,
};

static const struct {
    const char *name;
    unsigned allowed;
} places[] = {
    [REQUEST] = { "a request", VALUES | STRUCTS | TABLES | HANDLES | ARRAYS },
    [RESPONSE] = { "a response", VALUES | HANDLES | RECORDS | RECORD_ARRAYS },
    [IN_STRUCT] = { "a struct", VALUES | STRUCTS | TABLES | HANDLES | ARRAYS },
    [IN_TABLE] = { "a table", CALLBACKS | HANDLES },
    [IN_CALLBACK] = { "a callback",
                      VALUES | STRUCTS | TABLES | HANDLES | RECORDS | ARRAYS },
    [IN_RECORD] = { "a record", VALUES | HANDLES },
};

/* Keywords that a field would collide with.  Names of functions are methods
 * in Python and Rust, so that only the first list is closed to them. */
static const char *const method_keywords[] = {
    "abstract", "and",      "as",       "assert",   "async",    "await",
    "become",   "box",      "break",    "class",    "const",    "continue",
    "crate",    "def",      "del",      "do",       "dyn",      "elif",
    "else",     "enum",     "except",   "extern",   "false",    "final",
    "finally",  "fn",       "for",      "from",     "gen",      "global",
    "if",       "impl",     "import",   "in",       "is",       "lambda",
    "let",      "loop",     "macro",    "match",    "mod",      "move",
    "mut",      "nonlocal", "not",      "or",       "override", "pass",
    "priv",     "pub",      "raise",    "ref",      "return",   "self",
    "static",   "struct",   "super",    "trait",    "true",     "try",
    "type",     "typeof",   "union",    "unsafe",   "unsized",  "use",
    "virtual",  "where",    "while",    "with",     "yield",
};

static const char *const field_keywords[] = {
    "alignas",      "alignof",   "and_eq",       "asm",
    "auto",         "bitand",    "bitor",        "bool",
    "case",         "catch",     "chan",         "char",
    "co_await",     "co_return", "co_yield",     "compl",
    "concept",      "consteval", "constexpr",    "constinit",
    "decltype",     "default",   "defer",        "delete",
    "double",       "explicit",  "export",       "fallthrough",
    "float",        "friend",    "func",         "go",
    "goto",         "inline",    "int",          "interface",
    "long",         "map",       "mutable",      "namespace",
    "new",          "noexcept",  "not_eq",       "nullptr",
    "operator",     "or_eq",     "package",      "private",
    "protected",    "public",    "range",        "register",
    "reinterpret",  "requires",  "restrict",     "select",
    "short",        "signed",    "sizeof",       "static_assert",
    "switch",       "template",  "this",         "thread_local",
    "throw",        "typedef",   "typeid",       "typename",
    "unsigned",     "using",     "var",          "void",
    "volatile",     "wchar_t",   "xor",          "xor_eq",
    "static_cast",  "const_cast", "dynamic_cast", "reinterpret_cast",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Says it once: a message may be the request of several functions. */
static void refuse(struct text *refusals, const char *where, const char *what)
{
    const char *line = say("%s: %s\n", where, what);

    if (refusals->data == NULL || strstr(refusals->data, line) == NULL)
        put(refusals, "$line$", "line", line);
}

static bool in_words(
    const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

static bool is_method_keyword(const char *name)
{
    return in_words(name, method_keywords, COUNT(method_keywords));
}

static bool is_field_keyword(const char *name)
{
    return is_method_keyword(name)
           || in_words(name, field_keywords, COUNT(field_keywords));
}

static void check_doc(struct text *refusals, const char *where, const char *doc)
{
    if (doc == NULL)
        refuse(refusals, where, "has no comment");
    else if (strstr(doc, "*/") != NULL)
        refuse(refusals, where, "has a comment that would end a comment in C");
}

/* Slots */

static unsigned needed(const struct slot *slot)
{
    static const unsigned by_shape[] = {
        [ARGUMENTS] = 0,          [STRUCT] = STRUCTS, [TABLE] = TABLES,
        [CALLBACK] = CALLBACKS,   [HANDLE] = HANDLES, [RECORD] = RECORDS,
    };
    unsigned one = slot->kind == UNSUPPORTED ? 0
                   : slot->kind != MESSAGE   ? VALUES
                   : slot->type == NULL      ? 0
                                             : by_shape[slot->type->shape];

    if (!slot->repeated)
        return one;
    if (one == RECORDS)
        return RECORD_ARRAYS;
    if (one == VALUES && slot->kind != BYTES && slot->kind != ENUMERATION
            && slot->kind != BOOL)
        return ARRAYS;
    return 0;
}

static void check_kind(
    struct text *refusals, const struct slot *slot, enum place place)
{
    static const char *const shapes[] = {
        "arguments", "a struct", "a table", "a callback", "a handle",
        "a record"
    };
    const char *what = slot->kind == MESSAGE && slot->type != NULL
                           ? shapes[slot->type->shape]
                           : "of this type";

    if (slot->kind == ENUMERATION && slot->enumeration == NULL)
        refuse(refusals, slot->where, "is of an enum that is not ours");
    else if ((needed(slot) & places[place].allowed) != 0)
        return;
    else if (place == IN_TABLE)
        refuse(refusals, slot->where, "is in a table but is not a callback");
    else
        refuse(refusals, slot->where,
               say("is %s%s, which %s cannot hold",
                   slot->repeated ? "an array and " : "", what,
                   places[place].name));
}

/* Who takes what is moved must be able to: a buffer or a handle that comes in
 * or goes out by itself. */
static void check_options(
    struct text *refusals, const struct slot *slot, enum place place)
{
    bool movable = slot->kind == BYTES || is_message(slot, HANDLE);

    if (slot->moved && (!movable || place == IN_STRUCT || place == IN_TABLE))
        refuse(refusals, slot->where, "cannot be moved");
    if (slot->pointer && slot->kind != UINT64)
        refuse(refusals, slot->where, "is a pointer but not a uint64");
    if (slot->pointer && slot->repeated)
        refuse(refusals, slot->where, "is an array of pointers");
    if (slot->text && slot->kind != BYTES)
        refuse(refusals, slot->where, "is marked as text but is not bytes");
    if (slot->value != NULL && place != IN_STRUCT)
        refuse(refusals, slot->where,
               "has a default, which only a member of a struct can have");
    else if (slot->value != NULL && slot->required)
        refuse(refusals, slot->where, "is required and has a default");
    else if (slot->value != NULL
                 && (slot->kind == STRING || slot->kind == BYTES
                     || strpbrk(slot->value, "0123456789") == NULL)
                 && slot->kind != BOOL && slot->kind != ENUMERATION)
        refuse(refusals, slot->where, "has a default that is no number");
    else if (slot->value != NULL && slot->pointer)
        refuse(refusals, slot->where, "is a pointer and has a default");
}

static bool starts_as_zero(const struct slot *slot)
{
    const struct enumeration *enumeration = slot->enumeration;

    for (size_t i = 0; enumeration != NULL && i < enumeration->values_count;
         i++)
        if (slot->value == NULL
                || strcmp(enumeration->values[i].name, slot->value) == 0)
            return enumeration->values[i].number == 0;
    return slot->value == NULL || strcmp(slot->value, "false") == 0
           || (strcmp(slot->value, "true") != 0
               && strtod(slot->value, NULL) == 0);
}

/* Members come with a version or later; the versions of a struct never fall.
 * An older caller leaves a younger member 0, and 0 must not mean that it asks
 * for something. */
static void check_since(
    struct text *refusals,
    const struct slot *slot,
    const struct type *type,
    uint32_t before)
{
    if (slot->since == 0)
        refuse(refusals, slot->where, "is older than version 1");
    else if (!is_struct(type) && slot->since > 1)
        refuse(refusals, slot->where,
               "is younger than its prototype, which cannot change");
    else if (is_struct(type) && slot->since < before)
        refuse(refusals, slot->where,
               say("is since version %u, behind a member since version %u",
                   slot->since, before));
    else if (!is_struct(type) || slot->since == type->since)
        return;
    else if (slot->required)
        refuse(refusals, slot->where,
               say("is since version %u and required, but older callers "
                   "lack it", slot->since));
    else if (!starts_as_zero(slot))
        refuse(refusals, slot->where,
               say("is since version %u, so that its default must be 0",
                   slot->since));
}

static void check_slots(
    struct text *refusals, const struct type *type, enum place place)
{
    bool versioned = is_struct(type);
    uint32_t since = versioned ? type->since : 1;

    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (slot->number != (int32_t) i + 1)
            refuse(refusals, slot->where,
                   say("has number %d where %zu is due", slot->number, i + 1));
        if (is_field_keyword(slot->name.snake))
            refuse(refusals, slot->where,
                   "is a keyword in one of our languages");
        check_kind(refusals, slot, place);
        check_options(refusals, slot, place);
        check_since(refusals, slot, type, since);
        if (versioned)
            check_doc(refusals, slot->where, slot->doc);
        if (slot->since > since)
            since = slot->since;
    }
}

static bool is_name_of(const struct slot *slot, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(slot->name.snake, *names) == 0)
            return true;
    return false;
}

/* Names that the shape gives to members of its own. */
static void check_own_names(struct text *refusals, const struct type *type)
{
    static const char *const of_struct[] = { "struct_size", "version", NULL };
    static const char *const of_table[] = {
        "struct_size", "version", "state", "free_state", NULL
    };
    static const char *const of_callback[] = { "state", NULL };
    const char *const *names = type->shape == TABLE      ? of_table
                               : type->shape == CALLBACK ? of_callback
                                                         : of_struct;

    for (size_t i = 0; i < type->slots_count; i++)
        if (is_name_of(&type->slots[i], names)
                || strncmp(type->slots[i].name.snake, "reserved", 8) == 0)
            refuse(refusals, type->slots[i].where,
                   "has a name that generated members have");
}

/* Types */

static void check_callback(struct text *refusals, const struct type *type)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (strcmp(type->slots[i].name.snake, "result") == 0
                && type->result == NULL)
            refuse(refusals, type->slots[i].where,
                   "is a result but not a Status");
}

static void check_type(struct text *refusals, const struct type *type)
{
    static const enum place by_shape[] = {
        [STRUCT] = IN_STRUCT,     [TABLE] = IN_TABLE,
        [CALLBACK] = IN_CALLBACK, [RECORD] = IN_RECORD,
    };

    if (type->nests)
        refuse(refusals, type->where, "holds types, alternatives or extensions");
    if (type->shape == HANDLE) {
        if (type->slots_count > 0)
            refuse(refusals, type->where, "is a handle but has fields");
        if (strncmp(type->full_name, ".wws.handle.", 12) != 0)
            refuse(refusals, type->where,
                   "is a handle outside package wws.handle");
        if (type->object == NULL)
            refuse(refusals, type->where, "is a handle of no service");
        return;
    }
    if (type->shape == ARGUMENTS)
        return;
    check_doc(refusals, type->where, type->doc);
    check_slots(refusals, type, by_shape[type->shape]);
    check_own_names(refusals, type);
    if (type->shape == CALLBACK)
        check_callback(refusals, type);
}

static void check_values(
    struct text *refusals, const struct enumeration *enumeration)
{
    const char *prefix = enumeration->is_status
                             ? "WWS_"
                             : say("%s_", enumeration->name.upper);

    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];
        const char *where = say("%s.%s", enumeration->where, value->name);

        if (strncmp(value->name, prefix, strlen(prefix)) != 0)
            refuse(refusals, where, say("does not begin with %s", prefix));
        if (value->number < 0 && !enumeration->is_status)
            refuse(refusals, where, "is negative");
        check_doc(refusals, where, value->doc);
    }
}

static void check_enumeration(
    struct text *refusals, const struct enumeration *enumeration)
{
    check_doc(refusals, enumeration->where, enumeration->doc);
    if (enumeration->aliases)
        refuse(refusals, enumeration->where, "has two names for one number");
    check_values(refusals, enumeration);
}

/* Functions */

static bool reaches(const struct call *call, const struct object *object)
{
    if (call->object == object && call->has_self)
        return true;
    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_message(call->parameters[i].slot, HANDLE)
                && call->parameters[i].slot->type->object == object)
            return true;
    return false;
}

static void check_async(
    struct text *refusals, const struct model *model, const struct call *call)
{
    if (call->async && call->cancelled_by == NULL)
        refuse(refusals, call->where, "is async but nothing cancels it");
    if (!call->async && call->cancelled_by != NULL)
        refuse(refusals, call->where, "is cancelled but not async");
    if (call->async && model->completion == NULL)
        refuse(refusals, call->where,
               "is async but there is no table Completion");
    if (call->cancelled_by == NULL)
        return;
    if (call->canceller == NULL)
        refuse(refusals, call->where,
               say("is cancelled by %s, which does not exist",
                   call->cancelled_by));
    else if (call->canceller->role != CANCEL)
        refuse(refusals, call->where,
               say("is cancelled by %s, whose role is not CANCEL",
                   call->cancelled_by));
    else if (!reaches(call, call->canceller->object))
        refuse(refusals, call->where,
               say("is cancelled by %s, of an object that is not at hand",
                   call->cancelled_by));
}

static void check_role(struct text *refusals, const struct call *call)
{
    const struct object *object = call->object;
    bool creates = false;

    for (size_t i = 0; i < call->parameters_count; i++)
        creates |= call->parameters[i].out
                   && call->parameters[i].slot->type != NULL
                   && call->parameters[i].slot->type == object->handle;
    if (call->role == CREATE && !creates)
        refuse(refusals, call->where,
               "creates an object but does not give back its handle");
    if (call->role == FREE && call->parameters_count > 0)
        refuse(refusals, call->where, "frees an object but has parameters");
    if ((call->role == FREE || call->role == CANCEL) && call->async)
        refuse(refusals, call->where, "is async but must never wait");
    if (object->borrowed && (call->role == FREE || call->role == CREATE))
        refuse(refusals, call->where,
               "creates or frees an object that is only borrowed");
}

/* Outputs of a pending call are written when it completes, so that they must
 * live until then; inputs are copied before the function returns. */
static void check_lifetimes(struct text *refusals, const struct call *call)
{
    for (size_t i = 0; call->async && i < call->parameters_count; i++)
        if (call->parameters[i].out
                && call->parameters[i].slot->lifetime == FOR_CALL)
            refuse(refusals, call->where,
                   say("%s is written when the call completes: its lifetime "
                       "cannot be CALL",
                       call->parameters[i].slot->name.snake));
}

static bool same_slot(const struct slot *one, const struct slot *other)
{
    return one->kind == other->kind && one->type == other->type
           && one->enumeration == other->enumeration
           && one->repeated == other->repeated
           && one->moved == other->moved && one->pointer == other->pointer;
}

static void check_both_ways(struct text *refusals, const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        if (!call->parameters[i].in || !call->parameters[i].out)
            continue;
        if (slot->kind == STRING || slot->kind == BYTES || slot->repeated
                || is_message(slot, RECORD))
            refuse(refusals, slot->where, "cannot go in and come out");
        for (size_t j = 0; j < call->request->slots_count; j++)
            if (strcmp(call->request->slots[j].name.snake, slot->name.snake)
                    == 0 && !same_slot(slot, &call->request->slots[j]))
                refuse(refusals, slot->where, "goes in as another type");
    }
}

static void check_parameters(struct text *refusals, const struct call *call)
{
    static const char *const reserved[] = {
        "completion", "self", "failure", "wrong", NULL
    };

    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;
        bool sized = !parameter->out || !slot->repeated;

        if (is_name_of(slot, reserved)
                || (call->has_error && strcmp(slot->name.snake, "error") == 0)
                || (call->has_self && strcmp(slot->name.snake,
                                             call->object->name.snake) == 0))
            refuse(refusals, slot->where,
                   say("has a name that another parameter of %s has",
                       call->function));
        for (size_t j = 0; !sized && j < call->parameters_count; j++)
            sized = call->parameters[j].capacity;
        if (!sized)
            refuse(refusals, slot->where,
                   "is an array without a capacity in the request");
    }
}

static void check_free_function(
    struct text *refusals, const struct call *call)
{
    const struct slot *slot = call->response->slots;

    if (call->role == CREATE || call->role == CANCEL || call->async)
        refuse(refusals, call->where,
               "belongs to no object that could be created, cancelled or "
               "waited for");
    if (call->response->slots_count > 1
            || call->response->shape == HANDLE)
        refuse(refusals, call->where, "gives back more than one value");
    else if (call->response->slots_count == 1
             && (slot->kind == BYTES || slot->kind == MESSAGE))
        refuse(refusals, call->where,
               "gives back something that is not a number, enum or string");
}

static void check_call(
    struct text *refusals, const struct model *model, const struct call *call)
{
    check_doc(refusals, call->where, call->doc);
    if (is_method_keyword(call->name.snake))
        refuse(refusals, call->where, "is a keyword in one of our languages");
    if (call->request == NULL || call->request->shape != ARGUMENTS
            || call->response == NULL
            || (call->response->shape != ARGUMENTS
                && call->response->shape != HANDLE)) {
        refuse(refusals, call->where, "takes or gives something else than "
                                      "arguments or a handle");
        return;
    }
    if (call->streams)
        refuse(refusals, call->where, "streams");
    check_slots(refusals, call->request, REQUEST);
    if (call->response != call->request && call->response->shape == ARGUMENTS)
        check_slots(refusals, call->response, RESPONSE);
    check_parameters(refusals, call);
    check_both_ways(refusals, call);
    if (call->object->free_functions) {
        check_free_function(refusals, call);
        return;
    }
    check_role(refusals, call);
    check_async(refusals, model, call);
    check_lifetimes(refusals, call);
}

static void check_object(
    struct text *refusals,
    const struct model *model,
    const struct object *object)
{
    check_doc(refusals, object->where, object->doc);
    if (!object->free_functions && object->handle == NULL)
        refuse(refusals, object->where, "has no handle");
    if (object->free_functions && (object->borrowed || object->has_default))
        refuse(refusals, object->where,
               "is no object that could be borrowed or have a default");
    for (size_t i = 0; i < object->calls_count; i++)
        check_call(refusals, model, &object->calls[i]);
}

/* The whole */

static void check_unique(
    struct text *refusals, struct list *names, const char *where,
    const char *name)
{
    if (listed(names, name))
        refuse(refusals, where, say("is a second %s", name));
    add(names, name);
}

/* All typedefs and functions are one set of names in C. */
static void check_names(struct text *refusals, const struct model *model)
{
    struct list names = { 0 };

    for (size_t i = 0; i < model->types_count; i++)
        if (is_struct(&model->types[i]) || model->types[i].shape == HANDLE)
            check_unique(refusals, &names, model->types[i].where,
                         say("wws_%s", model->types[i].name.snake));
    for (size_t i = 0; i < model->enumerations_count; i++)
        check_unique(refusals, &names, model->enumerations[i].where,
                     say("wws_%s", model->enumerations[i].name.snake));
    for (size_t i = 0; i < model->objects_count; i++)
        for (size_t j = 0; j < model->objects[i].calls_count; j++)
            check_unique(refusals, &names, model->objects[i].calls[j].where,
                         say("wws_%s", model->objects[i].calls[j].function));
}

static void check_pillars(struct text *refusals, const struct model *model)
{
    bool has_status = false;

    for (size_t i = 0; i < model->enumerations_count; i++)
        has_status |= model->enumerations[i].is_status;
    if (!has_status)
        refuse(refusals, "schema", "has no enum Status");
    if (model->error == NULL)
        refuse(refusals, "schema", "has no service Error");
    if (model->cycle != NULL)
        refuse(refusals, model->cycle, "contains itself");
}

void check(const struct model *model, struct text *refusals)
{
    check_pillars(refusals, model);
    for (size_t i = 0; i < model->types_count; i++)
        check_type(refusals, &model->types[i]);
    for (size_t i = 0; i < model->enumerations_count; i++)
        check_enumeration(refusals, &model->enumerations[i]);
    for (size_t i = 0; i < model->objects_count; i++)
        check_object(refusals, model, &model->objects[i]);
    check_names(refusals, model);
}
