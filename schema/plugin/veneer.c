/* Emits capi/<object>.c: every exported function checks its arguments, adopts
 * the caller's structs, resolves handles, forwards to core, and gives back what
 * it holds.  A function that holds nothing yet returns; afterwards it goes to
 * its end. */
#include "emitters.h"

#include <inttypes.h>
#include <string.h>

/* Where core has an object; all others are services. */
static const struct {
    const char *object;
    const char *folder;
} folders[] = {
    { "runtime", "core" },
    { "error", "core/base" },
    { "queue", "core/io" },
    { "message", "core/channel" },
    { "channel", "core/channel" },
    { "listener", "core/channel" },
};

static const char *folder_of(const struct object *object)
{
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (strcmp(folders[i].object, object->name.snake) == 0)
            return folders[i].folder;
    return "core/service";
}

/* What a file needs besides its functions. */
struct needs {
    const struct type **adopted; /* STRUCTs and TABLEs that come in */
    size_t adopted_count;
    const struct type **records; /* that go out */
    size_t records_count;
    const struct enumeration **known; /* with gaps between their values */
    size_t known_count;
    bool texts;
};

/* A condition that must not hold, and what is wrong then. */
struct fault {
    const char *condition;
    const char *name;
};

struct faults {
    struct fault *items;
    size_t count;
};

/* A function under way. */
struct body {
    struct text *text;
    const struct call *call;
    const char *status;  /* the name of the local status */
    const char *failure; /* where core reports, or NULL as a word */
    const struct slot *completion; /* the last argument of async functions */
    struct list held;    /* what is to be given back, last first */
    bool jumps;
};

/* Conditions */

static bool has_gaps(const struct enumeration *enumeration)
{
    for (size_t i = 0; i < enumeration->values_count; i++)
        if (enumeration->values[i].number != (int32_t) i)
            return true;
    return false;
}

static const char *unknown_value(
    const struct enumeration *enumeration, const char *place)
{
    if (enumeration->is_status)
        return NULL;
    if (has_gaps(enumeration))
        return say("!%s_known(%s)", enumeration->name.snake, place);
    return say("%s > %s", place,
               enumeration->values[enumeration->values_count - 1].constant);
}

static const char *bad_view(
    const struct slot *slot, const char *place, const char *what)
{
    if (slot->required)
        return say("!wwi_%s_valid(%s) || %s.size == 0", what, place, place);
    return say("!wwi_%s_valid(%s)", what, place);
}

static const char *bad_array(const struct slot *slot, const char *place)
{
    if (slot->kind == STRING)
        return say("!texts_valid(%s, %s_count)", place, place);
    return say("%s == NULL && %s_count > 0", place, place);
}

/* What would be wrong with a value or a member; NULL if nothing could. */
static const char *bad_value(
    const struct slot *slot, const char *place, bool member)
{
    if (slot->repeated)
        return bad_array(slot, place);
    if (slot->kind == STRING)
        return bad_view(slot, place, "text");
    if (slot->kind == BYTES && !slot->moved)
        return bad_view(slot, place, "bytes");
    if (slot->kind == ENUMERATION)
        return unknown_value(slot->enumeration, place);
    if (slot->kind == BOOL && member)
        return say("%s > 1", place);
    if (!slot->required)
        return NULL;
    if (is_message(slot, HANDLE))
        return member && !slot->type->object->has_default
                   ? say("%s.id == 0", place) : NULL;
    return slot->kind == MESSAGE || slot->kind == BYTES || slot->pointer
               ? say("%s == NULL", place) : NULL;
}

static const char *bad_output(const struct parameter *parameter)
{
    const char *name = parameter->slot->name.snake;
    const struct type *type = parameter->slot->type;

    if (is_record_output(parameter)) {
        struct list sizes = size_macros(type);
        const char *adopt = say("!wwi_adopt_record(%s, %s_sizes, %zu)", name,
                                type->name.snake, sizes.count);

        return parameter->required
                   ? say("%s == NULL || %s", name, adopt)
                   : say("%s != NULL && %s", name, adopt);
    }
    return parameter->required ? say("%s == NULL", name) : NULL;
}

static void add_fault(
    struct faults *faults, const char *condition, const char *name)
{
    if (condition == NULL)
        return;
    faults->items[faults->count].condition = condition;
    faults->items[faults->count].name = name;
    faults->count++;
}

static struct faults faults_of(const struct call *call)
{
    struct faults faults = {
        .items = keep(2 * call->parameters_count * sizeof *faults.items),
    };

    /* Room for records is looked at before the first one is. */
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].capacity) {
            const char *name = call->parameters[i].slot->name.snake;

            add_fault(&faults, say("%s == 0", name), name);
        }
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const char *name = parameter->slot->name.snake;

        add_fault(&faults,
                  parameter->out ? bad_output(parameter)
                                 : bad_value(parameter->slot, name, false),
                  name);
    }
    return faults;
}

/* "if (condition)", broken at its "||" if it is too long. */
static void put_if(
    struct text *text,
    const char *head,
    const char *condition,
    const char *tail)
{
    const char *next = strstr(condition, " || ");
    size_t size = strlen(head) + strlen(condition) + strcspn(tail, "\n");

    if (next == NULL)
        next = strstr(condition, " && ");
    if (size <= COLUMNS || next == NULL)
        put(text, "$head$$condition$$tail$", "head", head, "condition",
            condition, "tail", tail);
    else
        put(text, "$head$$first$\n            $rest$$tail$", "head", head,
            "first", say("%.*s", (int) (next - condition), condition),
            "rest", next + 1, "tail", tail);
}

/* Whether there is anything at all only if the caller gives it: a table, or a
 * struct whose defaults alone cannot stand. */
static bool may_be_absent(const struct type *type)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].required)
            return true;
    return type->shape == TABLE;
}

/* Helpers in front of the functions */

static void put_known(
    struct text *text, const struct enumeration *enumeration)
{
    put(text,
        "static bool $name$_known(wws_$name$ value)\n"
        "{\n"
        "    switch (value) {\n",
        "name", enumeration->name.snake);
    for (size_t i = 0; i < enumeration->values_count; i++)
        put(text, "    case $constant$:\n",
            "constant", enumeration->values[i].constant);
    put(text,
        "        return true;\n"
        "    default:\n"
        "        return false;\n"
        "    }\n"
        "}\n"
        "\n");
}

static void put_texts_valid(struct text *text)
{
    put(text,
        "static bool texts_valid(const wws_string *texts, size_t count)\n"
        "{\n"
        "    if (texts == NULL && count > 0)\n"
        "        return false;\n"
        "    for (size_t i = 0; i < count; i++)\n"
        "        if (!wwi_text_valid(texts[i]))\n"
        "            return false;\n"
        "    return true;\n"
        "}\n"
        "\n");
}

static void put_sizes(
    struct text *text, const char *indent, const char *name,
    const struct type *type)
{
    struct list sizes = size_macros(type);
    const char *start = say("%sstatic const uint32_t %s[] = {", indent, name);

    if (sizes.count == 1
            && strlen(start) + strlen(sizes.items[0]) + 4 <= COLUMNS) {
        put(text, "$start$ $size$ };\n\n", "start", start,
            "size", sizes.items[0]);
        return;
    }
    put(text, "$start$\n", "start", start);
    for (size_t i = 0; i < sizes.count; i++)
        put(text, "$indent$    $size$,\n", "indent", indent,
            "size", sizes.items[i]);
    put(text, "$indent$};\n\n", "indent", indent);
}

static void put_member_check(struct text *text, const struct slot *slot)
{
    const char *name = slot->name.snake;
    const char *condition = bad_value(slot, say("ours->%s", name), true);

    if (condition == NULL)
        return;
    put_if(text, "    if (", condition, ")\n");
    put(text,
        "        return wwi_invalid_argument(failure, \"$name$\");\n",
        "name", name);
}

/* Lays the caller's struct over our defaults and looks at the outcome.  What
 * is absent lacks nothing. */
static void put_adopt(struct text *text, const struct type *type)
{
    struct text checks = { 0 };
    const char *sizes = say("%zu", size_macros(type).count);

    put(text,
        "static wws_status adopt_$name$(\n"
        "    wws_$name$ *ours,\n"
        "    const wws_$name$ *theirs,\n"
        "    struct wwi_error *failure)\n"
        "{\n",
        "name", type->name.snake);
    put_sizes(text, "    ", "sizes", type);
    for (size_t i = 0; i < type->slots_count; i++)
        put_member_check(&checks, &type->slots[i]);
    if (may_be_absent(type) && checks.size > 0)
        put(text,
            "    if (theirs == NULL)\n"
            "        return WWS_S_OK;\n");
    put(text,
        "    if (!wwi_adopt(ours, sizes, $sizes$, theirs))\n"
        "        return wwi_invalid_argument(failure, \"$name$\");\n",
        "sizes", sizes, "name", type->name.snake);
    put(text,
        "$checks$"
        "    return WWS_S_OK;\n"
        "}\n"
        "\n",
        "checks", checks.size > 0 ? checks.data : "");
}

static bool known_before(
    const void *one, const void *const *others, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (others[i] == one)
            return true;
    return false;
}

static void need_value(struct needs *needs, const struct slot *slot)
{
    const struct enumeration *enumeration = slot->enumeration;

    needs->texts |= slot->repeated && slot->kind == STRING;
    if (enumeration == NULL || enumeration->is_status
            || !has_gaps(enumeration)
            || known_before(enumeration, (const void *const *) needs->known,
                            needs->known_count))
        return;
    needs->known[needs->known_count++] = enumeration;
}

static bool is_adopted(const struct slot *slot)
{
    return is_message(slot, STRUCT) || is_message(slot, TABLE);
}

static void need_adopted(struct needs *needs, const struct type *type)
{
    if (known_before(type, (const void *const *) needs->adopted,
                     needs->adopted_count))
        return;
    for (size_t i = 0; i < type->slots_count; i++) {
        if (is_adopted(&type->slots[i]))
            need_adopted(needs, type->slots[i].type);
        need_value(needs, &type->slots[i]);
    }
    needs->adopted[needs->adopted_count++] = type;
}

static void need_record(struct needs *needs, const struct type *type)
{
    if (!known_before(type, (const void *const *) needs->records,
                      needs->records_count))
        needs->records[needs->records_count++] = type;
}

static void need_call(
    struct needs *needs, const struct model *model, const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];

        if (is_record_output(parameter))
            need_record(needs, parameter->slot->type);
        if (parameter->out)
            continue;
        if (is_adopted(parameter->slot))
            need_adopted(needs, parameter->slot->type);
        need_value(needs, parameter->slot);
    }
    if (call->async)
        need_adopted(needs, model->completion);
}

static void put_helpers(
    struct text *text,
    const struct model *model,
    const struct object *object)
{
    struct needs needs = {
        .adopted = keep((model->types_count + 1) * sizeof *needs.adopted),
        .records = keep((model->types_count + 1) * sizeof *needs.records),
        .known = keep((model->enumerations_count + 1) * sizeof *needs.known),
    };

    for (size_t i = 0; i < object->calls_count; i++)
        need_call(&needs, model, &object->calls[i]);
    for (size_t i = 0; i < needs.records_count; i++)
        put_sizes(text, "",
                  say("%s_sizes", needs.records[i]->name.snake),
                  needs.records[i]);
    for (size_t i = 0; i < needs.known_count; i++)
        put_known(text, needs.known[i]);
    if (needs.texts)
        put_texts_valid(text);
    for (size_t i = 0; i < needs.adopted_count; i++)
        put_adopt(text, needs.adopted[i]);
}

/* Locals */

/* Calls visit for each STRUCT or TABLE that is adopted under a parameter, the
 * outer one first.  A place is an expression in the caller's terms, a local is
 * our own copy. */
static void each_adopted(
    struct body *body,
    const struct slot *slot,
    const char *place,
    const char *local,
    void (*visit)(
        struct body *body,
        const struct slot *slot,
        const char *place,
        const char *local))
{
    visit(body, slot, place, local);
    for (size_t i = 0; i < slot->type->slots_count; i++) {
        const struct slot *inner = &slot->type->slots[i];

        if (is_adopted(inner))
            each_adopted(body, inner,
                         say("%s.%s", local, inner->name.snake),
                         say("%s_%s", local, inner->name.snake), visit);
    }
}

static const char *local_of(const struct slot *slot)
{
    return say("adopted_%s", slot->name.snake);
}

static const char *entered(const struct slot *slot)
{
    return say("entered_%s", slot->name.snake);
}

static bool is_entered(const struct parameter *parameter)
{
    return !parameter->out && is_message(parameter->slot, HANDLE);
}

static void declare_adopted(
    struct body *body,
    const struct slot *slot,
    const char *place,
    const char *local)
{
    const char *start =
        say("    wws_%s %s =", slot->type->name.snake, local);
    const char *end = say("WWS_%s_INIT;", slot->type->name.upper);

    (void) place;
    put(body->text,
        strlen(start) + strlen(end) < COLUMNS ? "$start$ $end$\n"
                                              : "$start$\n        $end$\n",
        "start", start, "end", end);
}

/* Whether anything can fail before core is asked, but for a plain value. */
static bool has_steps(const struct call *call)
{
    bool steps = call->has_self || call->has_error || call->async;

    for (size_t i = 0; i < call->parameters_count; i++)
        steps |= is_entered(&call->parameters[i])
                 || (!call->parameters[i].out
                     && is_adopted(call->parameters[i].slot));
    return steps;
}

static void put_locals(struct body *body, bool chained)
{
    const struct call *call = body->call;

    if (call->has_error)
        put(body->text, "    struct wwi_error *failure = NULL;\n");
    if (call->has_self)
        put(body->text, "    struct wwi_$object$ *self = NULL;\n",
            "object", call->object->name.snake);
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        if (is_entered(parameter))
            put(body->text, "    struct wwi_$object$ *$local$ = NULL;\n",
                "object", slot->type->name.snake, "local", entered(slot));
        if (!parameter->out && is_adopted(slot))
            each_adopted(body, slot, slot->name.snake, local_of(slot),
                         declare_adopted);
    }
    if (call->async)
        declare_adopted(body, body->completion, "completion",
                        "adopted_completion");
    if (chained)
        put(body->text, "    const char *wrong = NULL;\n");
    if (has_steps(call))
        put(body->text, "    wws_status $status$;\n",
            "status", body->status);
    if (has_steps(call) || chained)
        put(body->text, "\n");
}

/* Steps */

/* Leaves the function with the status, by the shortest way. */
static void put_leave(struct body *body, const char *indent)
{
    if (body->held.count == 0) {
        put(body->text, "$indent$return $status$;\n",
            "indent", indent, "status", body->status);
        return;
    }
    put(body->text, "$indent$goto out;\n", "indent", indent);
    body->jumps = true;
}

static void put_unless_done(struct body *body)
{
    put(body->text, "    if ($status$ < 0)\n", "status", body->status);
    put_leave(body, "        ");
}

static void put_enter(
    struct body *body,
    const char *name,
    const struct name *object,
    bool optional,
    const char *failure,
    const char *local)
{
    struct list arguments = { 0 };

    add(&arguments, say("%s.id", name));
    add(&arguments, say("WWI_KIND_%s", object->upper));
    add(&arguments, say("\"%s\"", name));
    add(&arguments, failure);
    add(&arguments, say("&%s", local));
    put_call(body->text,
             say("    %s = wwi_enter%s(", body->status,
                 optional ? "_optional" : ""),
             &arguments, ");\n");
    put_unless_done(body);
    add(&body->held, local);
}

/* Refuses an argument whose name is a literal or a variable. */
static void put_refusal(struct body *body, const char *name)
{
    if (body->held.count == 0) {
        put(body->text,
            "        return wwi_invalid_argument($failure$, $name$);\n",
            "failure", body->failure, "name", name);
        return;
    }
    put(body->text,
        "        $status$ = wwi_invalid_argument($failure$, $name$);\n",
        "status", body->status, "failure", body->failure, "name", name);
    put_leave(body, "        ");
    put(body->text, "    }\n");
}

/* There may be nothing to free: then self stays null. */
static void put_enter_to_free(struct body *body, const struct object *object)
{
    struct list arguments = { 0 };

    add(&arguments, say("%s.id", object->name.snake));
    add(&arguments, say("WWI_KIND_%s", object->name.upper));
    add(&arguments, "&self");
    put_call(body->text, say("    %s = wwi_enter_to_free(", body->status),
             &arguments, ");\n");
    put(body->text,
        "    if (self == NULL)\n"
        "        return $status$;\n",
        "status", body->status);
    add(&body->held, "self");
}

static void put_faults(struct body *body, const struct faults *faults)
{
    const char *tail = body->held.count == 0 ? ")\n" : ") {\n";

    if (faults->count == 1) {
        put_if(body->text, "    if (", faults->items[0].condition, tail);
        put_refusal(body, say("\"%s\"", faults->items[0].name));
        return;
    }
    for (size_t i = 0; i < faults->count; i++) {
        put_if(body->text, i == 0 ? "    if (" : "    else if (",
               faults->items[i].condition, ")\n");
        put(body->text, "        wrong = \"$name$\";\n",
            "name", faults->items[i].name);
    }
    if (faults->count > 0) {
        put_if(body->text, "    if (", "wrong != NULL", tail);
        put_refusal(body, "wrong");
    }
}

/* Core sees our copy: of what may be absent only if it is there, of all else
 * always, with its defaults. */
static void put_adoption(
    struct body *body,
    const struct slot *slot,
    const char *place,
    const char *local)
{
    const struct type *type = slot->type;
    struct list arguments = { 0 };

    add(&arguments, say("&%s", local));
    add(&arguments, place);
    add(&arguments, body->failure);
    put_call(body->text,
             say("    %s = adopt_%s(", body->status, type->name.snake),
             &arguments, ");\n");
    put_unless_done(body);
    if (may_be_absent(type) && !slot->required)
        put(body->text, "    if ($place$ != NULL)\n    ", "place", place);
    put(body->text, "    $place$ = &$local$;\n", "place", place,
        "local", local);
}

static void put_arguments_in(struct body *body)
{
    const struct call *call = body->call;

    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        if (is_entered(parameter))
            put_enter(body, slot->name.snake, &slot->type->name,
                      !parameter->required || parameter->has_default,
                      body->failure, entered(slot));
    }
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        if (!call->parameters[i].out && is_adopted(slot))
            each_adopted(body, slot, slot->name.snake, local_of(slot),
                         put_adoption);
    }
    if (call->async)
        put_adoption(body, body->completion, "completion",
                     "adopted_completion");
}

static struct list core_arguments(const struct call *call)
{
    struct list list = { 0 };

    if (call->has_self)
        add(&list, "self");
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;
        const char *name = slot->name.snake;

        add(&list, is_entered(parameter) ? entered(slot) : name);
        if (!parameter->out && slot->repeated)
            add(&list, say("%s_count", name));
    }
    if (call->async)
        add(&list, "completion");
    if (call->has_error)
        add(&list, "failure");
    return list;
}

static void put_forward(struct body *body)
{
    struct list arguments = core_arguments(body->call);
    const char *into = body->held.count == 0 ? "return"
                                             : say("%s =", body->status);

    put_call(body->text, say("    %s wwi_%s(", into, body->call->function),
             &arguments, ");\n");
    if (body->held.count == 0) {
        put(body->text, "}\n");
        return;
    }
    if (body->jumps)
        put(body->text, "\nout:\n");
    for (size_t i = body->held.count; i > 0; i--)
        put(body->text, "    wwi_leave($local$);\n",
            "local", body->held.items[i - 1]);
    put(body->text, "    return $status$;\n}\n", "status", body->status);
}

/* A parameter may be called status; then ours is not. */
static const char *status_name(const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (strcmp(call->parameters[i].slot->name.snake, "status") == 0)
            return "outcome";
    return "status";
}

static void put_function(
    struct text *text, const struct model *model, const struct call *call)
{
    const struct slot completion = { .kind = MESSAGE,
                                     .type = model->completion };
    const struct object *object = call->object;
    struct list parameters = c_parameters(call);
    struct faults faults = faults_of(call);
    struct body body = {
        .text = text,
        .call = call,
        .status = status_name(call),
        .failure = call->has_error ? "failure" : "NULL",
        .completion = &completion,
    };

    put_prototype(text, "", c_head(call), &parameters, ")\n{\n");
    put_locals(&body, faults.count > 1);
    if (call->has_error)
        put_enter(&body, "error", &(struct name) { .upper = "ERROR" }, true,
                  "NULL", "failure");
    if (call->role == FREE)
        put_enter_to_free(&body, object);
    else if (call->has_self)
        put_enter(&body, object->name.snake, &object->name,
                  object->has_default, body.failure, "self");
    put_faults(&body, &faults);
    put_arguments_in(&body);
    put_forward(&body);
}

static void put_file(
    struct text *text,
    const struct model *model,
    const struct object *object)
{
    struct list files = { 0 };

    add(&files, object->file);
    put_origin(text, &files,
               say("What is exported of wws_%s: each function checks, "
                   "adopts and forwards.", object->name.snake));
    put(text,
        "#include \"$folder$/$object$.h\"\n"
        "\n"
        "#include \"adopt.h\"\n"
        "#include \"wws/wws.h\"\n"
        "\n",
        "folder", folder_of(object), "object", object->name.snake);
    put_helpers(text, model, object);
    for (size_t i = 0; i < object->calls_count; i++) {
        if (i > 0)
            put(text, "\n");
        put_function(text, model, &object->calls[i]);
    }
}

void emit_veneer(const struct model *model, struct output **outputs)
{
    for (size_t i = 0; i < model->objects_count; i++) {
        const struct object *object = &model->objects[i];

        if (!object->free_functions)
            put_file(open_output(outputs,
                                 say("capi/%s.c", object->name.snake)),
                     model, object);
    }
}
