/* Emits bindings/python/wws: a module for each object, the types and errors
 * that they share, type stubs for all of them, and the declarations that cffi
 * compiles.  A waiting function becomes a method that begins it; what makes
 * the asynchronous and the blocking twin of that is in the hand-written
 * wws/_waiting.py.  Two objects have no class: the one whose contents failures
 * carry, and the queue, which only the support waits on. */
#include "emitters.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* What is printed, and what it has to import. */
struct module {
    const struct model *model;
    struct text body;
    struct text stub;
    struct list helpers; /* of _support */
    struct list types;   /* of types */
    struct list tables;  /* of _tables */
    const char *self;    /* the object at hand, as Python calls it */
};

static void use(struct list *list, const char *name)
{
    if (!listed(list, name))
        add(list, name);
}

static const char *help(struct module *module, const char *name)
{
    use(&module->helpers, name);
    return name;
}

/* Rules */

static const struct object *queue_of(const struct model *model)
{
    const struct type *table = model->completion;

    for (size_t i = 0; table != NULL && i < table->slots_count; i++)
        if (is_message(&table->slots[i], HANDLE))
            return table->slots[i].type->object;
    return NULL;
}

static bool has_class(const struct model *model, const struct object *object)
{
    return !object->free_functions && object != model->error
           && object != queue_of(model);
}

/* Options are arguments with names; other structs are values of a class. */
static bool is_options(const struct slot *slot)
{
    static const char ending[] = "Options";
    const char *name;
    size_t size;

    if (!is_message(slot, STRUCT))
        return false;
    name = slot->type->name.pascal;
    size = strlen(name);
    return size >= sizeof ending
           && strcmp(name + size - (sizeof ending - 1), ending) == 0;
}

static bool is_queue(const struct model *model, const struct slot *slot)
{
    return is_message(slot, HANDLE) && slot->type->object == queue_of(model);
}

/* What nobody can name because it has no class. */
static bool is_nameless(const struct model *model, const struct slot *slot)
{
    return is_message(slot, HANDLE)
           && !has_class(model, slot->type->object);
}

/* What a handler can give to the operation that it was given, it can raise,
 * too. */
static bool is_raised(const struct model *model, const struct type *type)
{
    for (size_t i = 0; i < model->objects_count; i++) {
        const struct object *object = &model->objects[i];

        for (size_t j = 0; object->borrowed && j < object->calls_count; j++)
            for (size_t k = 0; k < object->calls[j].parameters_count; k++)
                if (object->calls[j].parameters[k].slot->type == type)
                    return type->shape == STRUCT;
    }
    return false;
}

static size_t callbacks_of(const struct type *table)
{
    size_t count = 0;

    for (size_t i = 0; i < table->slots_count; i++)
        count += is_message(&table->slots[i], CALLBACK);
    return count;
}

/* The callback of a table that has no other. */
static const struct slot *only_callback(const struct type *table)
{
    const struct slot *found = NULL;

    for (size_t i = 0; i < table->slots_count; i++)
        if (is_message(&table->slots[i], CALLBACK))
            found = &table->slots[i];
    return callbacks_of(table) == 1 ? found : NULL;
}

/* Whether a table is served through the queue that it can name. */
static bool is_queued(const struct model *model, const struct type *table)
{
    for (size_t i = 0; i < table->slots_count; i++)
        if (is_queue(model, &table->slots[i]))
            return only_callback(table) != NULL;
    return false;
}

static bool is_table(const struct model *model, const struct type *type)
{
    return type->shape == TABLE && type != model->completion;
}

static bool views(const struct slot *slot)
{
    if (slot->kind == STRING || slot->kind == BYTES)
        return !slot->moved;
    if (is_message(slot, RECORD))
        for (size_t i = 0; i < slot->type->slots_count; i++)
            if (views(&slot->type->slots[i]))
                return true;
    return false;
}

/* An object that shows what is inside it must not change while somebody
 * looks. */
static bool is_guarded(const struct object *object)
{
    for (size_t i = 0; i < object->calls_count; i++)
        for (size_t j = 0; j < object->calls[i].parameters_count; j++)
            if (object->calls[i].parameters[j].out
                    && views(object->calls[i].parameters[j].slot))
                return true;
    return false;
}

static bool is_result(const struct parameter *parameter)
{
    return parameter->out
           && !(parameter->in && is_message(parameter->slot, HANDLE));
}

static size_t results_of(const struct call *call)
{
    size_t count = 0;

    for (size_t i = 0; i < call->parameters_count; i++)
        count += is_result(&call->parameters[i]);
    return count;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What is read without an argument is an attribute. */
static bool is_attribute(const struct call *call)
{
    if (call->role != READ || call->async || !call->has_self
            || !starts_with(call->name.snake, "get_"))
        return false;
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].in)
            return false;
    return true;
}

static const char *method_name(const struct call *call)
{
    static const char create[] = "create_";

    if (is_attribute(call))
        return call->name.snake + strlen("get_");
    if (call->role == CREATE && starts_with(call->name.snake, create))
        return call->name.snake + strlen(create);
    return call->role == CREATE ? "__init__" : call->name.snake;
}

/* E_OPERATION_ABORTED is Aborted, E_QUOTA_EXCEEDED QuotaExceeded. */
static const char *error_name(const struct value *value)
{
    const char *name = value->short_name.pascal + 1;
    const char *operation = "Operation";

    return starts_with(name, operation) ? name + strlen(operation) : name;
}

/* A name may not begin with a digit. */
static const char *member_name(const struct value *value)
{
    const char *name = value->short_name.upper;

    return isdigit((unsigned char) *name) ? say("V%s", name) : name;
}

/* Words */

static const char *spoken_call(const struct call *call)
{
    const char *owner = call->object->name.pascal;

    if (call->object->free_functions)
        return say("%s()", call->name.snake);
    if (call->role == CREATE && strcmp(method_name(call), "__init__") == 0)
        return say("%s()", owner);
    return say(is_attribute(call) ? "%s.%s" : "%s.%s()", owner,
               method_name(call));
}

static const char *spoken_value(
    const struct enumeration *enumeration, const struct value *value)
{
    if (enumeration->is_status && value->number < 0)
        return error_name(value);
    return say("%s.%s", enumeration->name.pascal, member_name(value));
}

/* That there is none is an answer of its own, not a status. */
static bool is_end(
    const struct enumeration *enumeration, const struct value *value)
{
    return enumeration->is_status && value->number > 0
           && strstr(value->name, "_END") != NULL;
}

static const char *spoken_none(
    const struct enumeration *enumeration, const struct value *value)
{
    return is_end(enumeration, value) ? "None"
                                      : spoken_value(enumeration, value);
}

static const char *spoken_false(
    const struct enumeration *enumeration, const struct value *value)
{
    return is_end(enumeration, value) ? "False"
                                      : spoken_value(enumeration, value);
}

static const struct speech speech = { spoken_call, spoken_value, "INFINITE" };

static const char *words(const struct module *module, const char *doc)
{
    return in_speech(module->model, doc, &speech);
}

static void say_more(const char **doc, const char *sentence)
{
    *doc = say("%s  %s", *doc, sentence);
}

static void say_of(
    struct module *module, const char **doc, const char *name, const char *of)
{
    if (of != NULL)
        *doc = say("%s%s- %s: %s", *doc,
                   strstr(*doc, "\n- ") == NULL ? "\n\n" : "\n", name,
                   words(module, of));
}

static const char *call_doc(struct module *module, const struct call *call)
{
    struct speech own = speech;
    const char *doc;

    if (call->may_end)
        own.of_value = results_of(call) > 0 ? spoken_none : spoken_false;
    doc = call->object->free_functions
        ? call->doc : in_speech(module->model, call->doc, &own);
    if (call->canceller != NULL)
        say_more(&doc, say("When its task is cancelled, or its deadline "
                           "passes, %s ends it.",
                           spoken_call(call->canceller)));
    if (call->since > 1)
        say_more(&doc, say("Since version %" PRIu32 ".", call->since));
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        say_of(module, &doc, slot->name.snake, slot->doc);
        if (is_options(slot))
            for (size_t j = 0; j < slot->type->slots_count; j++)
                say_of(module, &doc, slot->type->slots[j].name.snake,
                       slot->type->slots[j].doc);
    }
    return doc;
}

static void put_docstring(
    struct text *text, const char *indent, const char *doc)
{
    bool one_line = strlen(indent) + strlen(doc) + 6 <= COLUMNS
                    && strchr(doc, '\n') == NULL;

    put_paragraphs(text, indent, indent, say("\"\"\"%s", doc),
                   one_line ? "\"\"\"" : "");
    if (!one_line)
        put(text, "$indent$\"\"\"\n", "indent", indent);
}

/* Arguments */

/* Those of a function: as it is defined, and with types. */
struct signature {
    struct list plain;
    struct list typed;
};

static const char *none_or(const char *type, bool required)
{
    return required ? type : say("%s | None", type);
}

static const char *value_type(const struct slot *slot)
{
    static const char *const names[] = {
        [BOOL] = "bool",  [INT32] = "int",  [UINT32] = "int",
        [INT64] = "int",  [UINT64] = "int", [DOUBLE] = "float",
        [STRING] = "str", [BYTES] = "bytes",
    };

    if (slot->kind == ENUMERATION)
        return say("wws.%s", slot->enumeration->name.pascal);
    if (slot->kind == MESSAGE)
        return say("wws.%s", slot->type->name.pascal);
    return slot->text ? "str" : names[slot->kind];
}

static const char *callable_type(
    const struct model *model, const struct type *table)
{
    const struct type *callback = only_callback(table)->type;
    const char *arguments = "";

    for (size_t i = 0; i < callback->slots_count; i++)
        if (&callback->slots[i] != callback->result)
            arguments = say("%s%s%s", arguments, *arguments ? ", " : "",
                            value_type(&callback->slots[i]));
    return say("Callable[[%s], %s]", arguments,
               callback->result == NULL    ? "object"
               : is_queued(model, table) ? "Handled"
                                         : "wws.Status | None");
}

static const char *input_type(struct module *module, const struct slot *slot)
{
    const char *type = value_type(slot);

    if (is_message(slot, TABLE) && only_callback(slot->type) != NULL)
        type = callable_type(module->model, slot->type);
    else if (slot->kind == BYTES)
        type = "Octets";
    return slot->repeated ? say("Sequence[%s]", type) : type;
}

static const char *enumerator(const struct slot *slot)
{
    const struct enumeration *enumeration = slot->enumeration;
    size_t i = 0;

    while (slot->value != NULL
           && strcmp(enumeration->values[i].name, slot->value) != 0)
        i++;
    return say("%s.%s", enumeration->name.pascal,
               member_name(&enumeration->values[i]));
}

static const char *initial(struct module *module, const struct slot *slot)
{
    if (slot->repeated)
        return "()";
    switch (slot->kind) {
    case MESSAGE:
        return "None";
    case STRING:
        return "\"\"";
    case BYTES:
        return "b\"\"";
    case BOOL:
        return slot->value != NULL && strcmp(slot->value, "true") == 0
                   ? "True" : "False";
    case ENUMERATION:
        use(&module->types, slot->enumeration->name.pascal);
        return enumerator(slot);
    case UINT32:
        if (slot->value != NULL && strcmp(slot->value, "4294967295") == 0)
            return help(module, "INFINITE");
        /* fall through */
    default:
        return slot->value != NULL ? slot->value : "0";
    }
}

static void add_argument(
    struct module *module,
    struct signature *signature,
    const struct slot *slot,
    bool required)
{
    const char *name = slot->name.snake;
    const char *type = input_type(module, slot);

    if (required) {
        add(&signature->plain, name);
        add(&signature->typed, say("%s: %s", name, type));
        return;
    }
    add(&signature->plain, say("%s=%s", name, initial(module, slot)));
    add(&signature->typed,
        say("%s: %s = ...", name,
            none_or(type, slot->repeated || slot->kind != MESSAGE)));
}

/* First comes what must be given, then what is often given, and behind a star
 * what has to be named. */
enum place { GIVEN, OFTEN, NAMED };

static enum place place_of(const struct slot *slot, bool required, bool member)
{
    if (required)
        return GIVEN;
    if (member || is_message(slot, HANDLE) || is_message(slot, STRUCT))
        return NAMED;
    return OFTEN;
}

static void add_arguments(
    struct module *module,
    struct signature *signature,
    const struct call *call,
    enum place place)
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        bool required = parameter->required && !parameter->has_default;

        if (!parameter->in || is_nameless(module->model, slot))
            continue;
        if (!is_options(slot)) {
            if (place_of(slot, required, false) == place)
                add_argument(module, signature, slot, required);
            continue;
        }
        for (size_t j = 0; j < slot->type->slots_count; j++) {
            const struct slot *member = &slot->type->slots[j];

            if (place_of(member, member->required, true) == place
                    && !is_nameless(module->model, member))
                add_argument(module, signature, member, member->required);
        }
    }
}

static struct signature signature_of(
    struct module *module, const struct call *call, const char *self)
{
    struct signature signature = { 0 };
    struct signature named = { 0 };

    if (self != NULL) {
        add(&signature.plain, self);
        add(&signature.typed, self);
    }
    add_arguments(module, &signature, call, GIVEN);
    add_arguments(module, &signature, call, OFTEN);
    add_arguments(module, &named, call, NAMED);
    if (named.plain.count > 0) {
        add(&signature.plain, "*");
        add(&signature.typed, "*");
    } else if (call->async) {
        add(&signature.typed, "*");
    }
    for (size_t i = 0; i < named.plain.count; i++) {
        add(&signature.plain, named.plain.items[i]);
        add(&signature.typed, named.typed.items[i]);
    }
    return signature;
}

/* Values on their way in */

static const char *one_input(
    struct module *module,
    const struct slot *slot,
    const char *name,
    bool required)
{
    if (slot->pointer)
        return say("%s(%s)", help(module, "pointer_in"), name);
    if (slot->kind == STRING)
        return say("%s(%s)", help(module, "text_in"), name);
    if (slot->kind == BYTES)
        return say("%s(%s)", help(module, slot->moved ? "buffer_in"
                                                      : "octets_in"), name);
    if (is_message(slot, HANDLE))
        return say("%s(%s, \"%s\")",
                   help(module, required ? "handle_in" : "handle_or_none"),
                   name, slot->type->name.pascal);
    if (is_message(slot, STRUCT))
        return say("%s(%s, \"%s\")", help(module, "struct_in"), name,
                   slot->type->name.pascal);
    if (is_message(slot, TABLE)) {
        use(&module->tables, say("%s_table", slot->type->name.snake));
        return say(is_queued(module->model, slot->type) ? "%s_table(%s, %s)"
                                                        : "%s_table(%s)",
                   slot->type->name.snake, name, module->self);
    }
    return name;
}

static const char *input(
    struct module *module, const struct slot *slot, bool required)
{
    const char *name = slot->name.snake;
    const char *item;

    if (!slot->repeated)
        return one_input(module, slot, name, required);
    item = one_input(module, slot, "item", true);
    return say("%s(\"%s\", %s)", help(module, "array_in"), c_type(slot),
               strcmp(item, "item") == 0
                   ? name : say("[%s for item in %s]", item, name));
}

static void put_members(
    struct module *module, const struct type *type, const char *prefix)
{
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];
        const char *name = slot->name.snake;
        struct slot own = *slot;
        const char *value;

        if (is_nameless(module->model, slot))
            continue;
        own.name.snake = say("%s%s", prefix, name);
        value = input(module, &own, slot->required);
        if (slot->repeated)
            put(&module->body,
                "            **$help$(\"$name$\",\n"
                "                            $value$),\n",
                "help", help(module, "array_members"), "name", name,
                "value", value);
        else
            put(&module->body, "            \"$name$\": $value$,\n",
                "name", name, "value", value);
    }
}

static void put_options(struct module *module, const struct slot *slot)
{
    put(&module->body, "        $name$ = $new$(\"wws_$type$\", {\n",
        "name", slot->name.snake, "new", help(module, "new_struct"),
        "type", slot->type->name.snake);
    put_members(module, slot->type, "");
    put(&module->body, "        })\n");
}

/* Values on their way out */

static const char *output(
    struct module *module, const struct call *call, const struct slot *slot)
{
    const char *name = slot->name.snake;

    if (slot->pointer)
        return say("%s(%s[0])", help(module, "pointer_out"), name);
    if (slot->kind == STRING)
        return say("%s(%s)", help(module, "text_out"), name);
    if (slot->kind == BYTES && slot->moved)
        return say("%s(%s)", help(module, slot->text ? "take_text"
                                                     : "take_octets"), name);
    if (slot->kind == BYTES)
        return say("%s(%s)", help(module, slot->text ? "text_out"
                                                     : "octets_out"), name);
    if (slot->kind == ENUMERATION) {
        use(&module->types, slot->enumeration->name.pascal);
        return say("%s(%s[0])", slot->enumeration->name.pascal, name);
    }
    if (is_message(slot, RECORD)) {
        use(&module->types, slot->type->name.pascal);
        return slot->repeated
            ? say("[%s._of(%s[i]) for i in range(count[0])]",
                  slot->type->name.pascal, name)
            : say("%s._of(%s)", slot->type->name.pascal, name);
    }
    if (is_message(slot, HANDLE) && slot->moved)
        return say("%s(%s[0], \"%s\")", help(module, "owned"), name,
                   slot->type->name.pascal);
    if (is_message(slot, HANDLE))
        return say("%s(%s[0], \"%s\", %s)", help(module, "lent"), name,
                   slot->type->name.pascal,
                   call->has_self ? "self" : "None");
    return say("%s[0]", name);
}

static const char *outputs(struct module *module, const struct call *call)
{
    const char *all = "";

    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_result(&call->parameters[i]))
            all = say("%s%s%s", all, *all ? ", " : "",
                      output(module, call, call->parameters[i].slot));
    return results_of(call) > 1 ? say("(%s)", all) : all;
}

static const char *output_type(const struct call *call)
{
    const char *all = "";
    size_t count = results_of(call);

    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_result(&call->parameters[i])) {
            const struct slot *slot = call->parameters[i].slot;
            const char *type = value_type(slot);

            all = say("%s%s%s", all, *all ? ", " : "",
                      slot->repeated ? say("list[%s]", type) : type);
        }
    if (count == 0)
        return call->may_end || call->role == CANCEL ? "bool" : "None";
    if (count > 1)
        all = say("tuple[%s]", all);
    return none_or(all, !call->may_end);
}

/* Begins as it was given, or as nothing. */
static void put_changed(struct module *module, const struct slot *slot)
{
    const char *name = slot->name.snake;
    struct list items = { 0 };

    add(&items, say("\"%s *\"", c_type(slot)));
    add(&items, input(module, slot, !is_message(slot, HANDLE)));
    put_call(&module->body,
             say("        %s = %s.new(", name, help(module, "ffi")), &items,
             ")\n");
}

static void put_output(struct module *module, const struct parameter *parameter)
{
    const struct slot *slot = parameter->slot;
    const char *name = slot->name.snake;

    if (is_message(slot, RECORD))
        put(&module->body, slot->repeated
                ? "        $name$ = $new$(\"$type$\", capacity)\n"
                : "        $name$ = $new$(\"$type$\")\n",
            "name", name, "type", c_type(slot),
            "new", help(module, slot->repeated ? "new_records"
                                               : "new_record"));
    else if (parameter->in)
        put_changed(module, slot);
    else
        put(&module->body, "        $name$ = $ffi$.new(\"$type$ *\")\n",
            "name", name, "ffi", help(module, "ffi"), "type", c_type(slot));
}

/* Functions */

static struct list passed_of(struct module *module, const struct call *call)
{
    struct list passed = { 0 };

    add(&passed, say("%s.wws_%s", help(module, "lib"), call->function));
    if (call->has_self)
        add(&passed, "self._handle");
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        if (parameter->out || is_options(slot))
            add(&passed, slot->name.snake);
        else if (is_nameless(module->model, slot))
            add(&passed, help(module, "NONE"));
        else
            add(&passed, say("%s%s", slot->repeated ? "*" : "",
                             input(module, slot, parameter->required
                                   && !parameter->has_default)));
    }
    return passed;
}

static void put_locals(struct module *module, const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];

        if (parameter->out)
            put_output(module, parameter);
        else if (is_options(parameter->slot))
            put_options(module, parameter->slot);
    }
}

static const char *canceller_of(const struct call *call)
{
    const struct call *canceller = call->canceller;

    if (canceller->object == call->object)
        return say("cancel=self.%s", canceller->name.snake);
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        if (is_message(slot, HANDLE)
                && slot->type->object == canceller->object)
            return call->parameters[i].out
                ? say("cancel=lambda: lib.wws_%s(%s[0])", canceller->function,
                      slot->name.snake)
                : say("cancel=%s.%s", slot->name.snake,
                      canceller->name.snake);
    }
    return "cancel=None";
}

static void put_pending(struct module *module, const struct call *call)
{
    struct list passed = passed_of(module, call);

    add(&passed, canceller_of(call));
    if (results_of(call) > 0)
        add(&passed, say("result=lambda: %s", outputs(module, call)));
    else if (call->may_end)
        add(&passed, "result=lambda: True");
    if (results_of(call) == 0 && call->may_end)
        add(&passed, "end=False");
    put_call(&module->body,
             say("        return %s(", help(module, "Pending")), &passed,
             ")\n");
}

/* Calls, and gives back what came of it. */
static void put_invocation(
    struct module *module, const struct call *call, const char *indent)
{
    struct list passed = passed_of(module, call);
    const char *invoke = help(module, "invoke");
    bool results = results_of(call) > 0;
    const char *head = call->may_end
        ? results ? say("%sif %s(", indent, invoke)
                  : say("%sreturn %s(", indent, invoke)
        : say("%s%s(", indent, invoke);
    const char *tail = !call->may_end ? ")\n"
        : results ? say(") == %s:\n%s    return None\n", help(module, "END"),
                        indent)
                  : say(") != %s\n", help(module, "END"));

    put_call(&module->body, head, &passed, tail);
    if (results && call->role != CREATE)
        put(&module->body, "$indent$return $outputs$\n", "indent", indent,
            "outputs", results_of(call) > 1
                ? say("%.*s", (int) strlen(outputs(module, call)) - 2,
                      outputs(module, call) + 1)
                : outputs(module, call));
}

static void put_definition(
    struct module *module,
    const char *name,
    const struct signature *signature,
    const char *doc)
{
    put_call(&module->body, say("    def %s(", name), &signature->plain,
             "):\n");
    put_docstring(&module->body, "        ", doc);
}

static void put_stub(
    struct module *module,
    const char *head,
    const struct signature *signature,
    const char *type)
{
    put_prototype(&module->stub, "    ", head, &signature->typed,
                  say(") -> %s: ...\n", type));
}

/* Once as it is awaited, once as it blocks. */
static void put_waiting(struct module *module, const struct call *call)
{
    struct signature signature = signature_of(module, call, "self");
    const char *name = method_name(call);

    put(&module->body, "\n");
    put_definition(module, say("_%s", name), &signature,
                   call_doc(module, call));
    put_locals(module, call);
    put_pending(module, call);
    put(&module->body, "\n    $name$, $name$_sync = $twins$(_$name$)\n",
        "name", name, "twins", help(module, "twins"));

    add(&signature.typed, "deadline: float | None = ...");
    put_stub(module, say("async def %s(", name), &signature,
             output_type(call));
    put_stub(module, say("def %s_sync(", name), &signature,
             output_type(call));
}

static void put_create(struct module *module, const struct call *call)
{
    const char *name = method_name(call);
    bool is_init = strcmp(name, "__init__") == 0;
    struct signature signature =
        signature_of(module, call, is_init ? "self" : "cls");
    const struct slot *handle =
        call->parameters[call->parameters_count - 1].slot;

    put(&module->body, is_init ? "\n" : "\n    @classmethod\n");
    put_definition(module, name, &signature, call_doc(module, call));
    module->self = is_init ? "self" : "None";
    put_locals(module, call);
    put_invocation(module, call, "        ");
    module->self = "self";
    put(&module->body, is_init ? "        self._handle = $name$[0]\n"
                               : "        return cls._own($name$[0])\n",
        "name", handle->name.snake);

    put(&module->stub, is_init ? "" : "    @classmethod\n");
    put_stub(module, say("def %s(", name), &signature,
             is_init ? "None"
                     : say("wws.%s", call->object->name.pascal));
}

/* What frees and what cancels never waits and takes nothing. */
static void put_short(struct module *module, const struct call *call)
{
    struct signature signature = signature_of(module, call, "self");

    put(&module->body, "\n");
    put_definition(module, method_name(call), &signature,
                   call_doc(module, call));
    put(&module->body,
        call->role == FREE ? "        self._give_back($lib$.wws_$function$)\n"
                           : "        return $reach$($lib$.wws_$function$,"
                             " self._handle)\n",
        "lib", help(module, "lib"), "function", call->function,
        "reach", call->role == FREE ? "" : help(module, "reach"));
    put_stub(module, say("def %s(", method_name(call)), &signature,
             output_type(call));
}

static void put_method(struct module *module, const struct call *call)
{
    struct signature signature = signature_of(module, call, "self");
    const char *decorator = is_attribute(call) ? "    @property\n" : "";
    bool guarded = is_guarded(call->object);

    put(&module->body, "\n$decorator$", "decorator", decorator);
    put_definition(module, method_name(call), &signature,
                   call_doc(module, call));
    put_locals(module, call);
    if (guarded)
        put(&module->body, "        with self._guard:\n");
    put_invocation(module, call, guarded ? "            " : "        ");

    put(&module->stub, "$decorator$", "decorator", decorator);
    put_stub(module, say("def %s(", method_name(call)), &signature,
             output_type(call));
}

static void put_default(struct module *module, const struct object *object)
{
    put(&module->body,
        "\n    @classmethod\n"
        "    def default(cls):\n"
        "        \"\"\"The one that is used where none is named.\"\"\"\n"
        "        return $default$(cls)\n",
        "default", help(module, "default"));
    put(&module->stub,
        "    @classmethod\n"
        "    def default(cls) -> wws.$object$: ...\n",
        "object", object->name.pascal);
}

static void put_class(struct module *module, const struct object *object)
{
    const char *base = help(module, object->borrowed       ? "Served"
                                    : object->free != NULL ? "Owned"
                                                           : "Object");

    put(&module->body, "\n\nclass $name$($base$, kind=\"$name$\"):\n",
        "name", object->name.pascal, "base", base);
    put_docstring(&module->body, "    ", words(module, object->doc));
    put(&module->stub, "\nclass $name$($base$):\n", "name",
        object->name.pascal, "base", base);
    for (size_t i = 0; i < object->calls_count; i++) {
        const struct call *call = &object->calls[i];

        if (call->role == CREATE)
            put_create(module, call);
        else if (call->role == FREE || call->role == CANCEL)
            put_short(module, call);
        else if (call->async)
            put_waiting(module, call);
        else
            put_method(module, call);
    }
    if (object->has_default)
        put_default(module, object);
}

/* A function that stands alone gives its result back by value. */
static void put_function(struct module *module, const struct call *call)
{
    struct signature signature = signature_of(module, call, NULL);
    struct list passed = passed_of(module, call);
    const char *head = say("lib.wws_%s(", call->function);
    struct list given = { 0 };
    const char *result = "";

    for (size_t i = 0; i < call->parameters_count; i++)
        if (!call->parameters[i].out)
            add(&given, passed.items[i + 1]);
    if (results_of(call) > 0) {
        const struct slot *slot = call->response->slots;

        result = slot->kind == STRING ? say("%s(", help(module, "c_text"))
               : slot->kind == ENUMERATION
                   ? say("%s(", slot->enumeration->name.pascal) : "(";
        if (slot->kind == ENUMERATION)
            use(&module->types, slot->enumeration->name.pascal);
    }
    put_call(&module->body, say("\n\ndef %s(", call->name.snake),
             &signature.plain, "):\n");
    put_docstring(&module->body, "    ", call_doc(module, call));
    if (strcmp(result, "(") == 0)
        put_call(&module->body, say("    return %s", head), &given, ")\n");
    else if (*result != '\0')
        put_call(&module->body, say("    return %s%s", result, head), &given,
                 "))\n");
    else
        put_call(&module->body, say("    %s", head), &given, ")\n");
    put_prototype(&module->stub, "", say("\ndef %s(", call->name.snake),
                  &signature.typed,
                  say(") -> %s: ...\n", output_type(call)));
}

/* Types */

static const char *member_of(struct module *module, const struct slot *slot)
{
    const char *place = say("record.%s", slot->name.snake);

    if (slot->pointer)
        return say("%s(%s)", help(module, "pointer_out"), place);
    if (slot->kind == STRING || slot->text)
        return say("%s(%s)", help(module, "text_out"), place);
    if (slot->kind == BYTES)
        return say("%s(%s)", help(module, "octets_out"), place);
    if (slot->kind == BOOL)
        return say("bool(%s)", place);
    if (slot->kind == ENUMERATION)
        return say("%s(%s)", slot->enumeration->name.pascal, place);
    if (is_message(slot, HANDLE))
        return say("%s(%s, \"%s\", None)", help(module, "lent"), place,
                   slot->type->name.pascal);
    if (is_message(slot, RECORD))
        return say("%s._of(%s)", slot->type->name.pascal, place);
    return place;
}

/* What an event tells is for the support alone. */
static bool has_record(const struct model *model, const struct type *type)
{
    const struct object *queue = queue_of(model);

    if (type->shape != RECORD)
        return false;
    for (size_t i = 0; queue != NULL && i < queue->calls_count; i++)
        for (size_t j = 0; j < queue->calls[i].parameters_count; j++)
            if (queue->calls[i].parameters[j].slot->type == type)
                return false;
    return true;
}

static const char *attributes_doc(
    struct module *module, const struct type *type)
{
    const char *doc = words(module, type->doc);

    for (size_t i = 0; i < type->slots_count; i++)
        say_of(module, &doc, type->slots[i].name.snake, type->slots[i].doc);
    return doc;
}

static void put_record(struct module *module, const struct type *type)
{
    struct list members = { 0 };

    put(&module->body, "\n\nclass $name$($base$):\n",
        "name", type->name.pascal, "base", help(module, "Record"));
    put_docstring(&module->body, "    ", attributes_doc(module, type));
    put(&module->body, "\n    @classmethod\n    def _of(cls, record):\n");
    put(&module->stub, "\nclass $name$(Record):\n", "name", type->name.pascal);
    for (size_t i = 0; i < type->slots_count; i++) {
        const char *name = type->slots[i].name.snake;

        add(&members, say("%s=%s", name,
                          member_of(module, &type->slots[i])));
        put(&module->stub, "    $name$: $type$\n", "name", name,
            "type", value_type(&type->slots[i]));
    }
    put_prototype(&module->body, "        ", "return cls(", &members, ")\n");
}

static void put_value(struct module *module, const struct type *type)
{
    const char *base = help(module, is_raised(module->model, type)
                                        ? "Raised" : "Struct");
    struct signature signature = { 0 };

    add(&signature.plain, "self");
    add(&signature.typed, "self");
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].required)
            add_argument(module, &signature, &type->slots[i], true);
    add(&signature.plain, "*");
    add(&signature.typed, "*");
    for (size_t i = 0; i < type->slots_count; i++)
        if (!type->slots[i].required)
            add_argument(module, &signature, &type->slots[i], false);

    put(&module->body, "\n\nclass $name$($base$, kind=\"$name$\"):\n",
        "name", type->name.pascal, "base", base);
    put_docstring(&module->body, "    ", attributes_doc(module, type));
    put(&module->body, "\n");
    put_call(&module->body, "    def __init__(", &signature.plain, "):\n");
    put(&module->stub, "\nclass $name$($base$):\n",
        "name", type->name.pascal, "base", base);
    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];
        const char *member = input_type(module, slot);

        put(&module->body, "        self.$name$ = $name$\n",
            "name", slot->name.snake);
        put(&module->stub, "    $name$: $type$\n", "name", slot->name.snake,
            "type", none_or(member, slot->required || slot->repeated
                                        || slot->kind != MESSAGE));
    }
    put(&module->body,
        "\n    def _lower(self):\n"
        "        return $new$(\"wws_$type$\", {\n",
        "new", help(module, "new_struct"), "type", type->name.snake);
    put_members(module, type, "self.");
    put(&module->body, "        })\n");
    put_stub(module, "def __init__(", &signature, "None");
}

/* A table with several callbacks is a class to be derived from. */
static void put_callbacks(struct module *module, const struct type *table)
{
    put(&module->body, "\n\nclass $name$:\n", "name", table->name.pascal);
    put_docstring(&module->body, "    ", words(module, table->doc));
    put(&module->stub, "\nclass $name$:\n", "name", table->name.pascal);
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];
        struct signature signature = { 0 };

        if (!is_message(slot, CALLBACK))
            continue;
        add(&signature.plain, "self");
        add(&signature.typed, "self");
        for (size_t j = 0; j < slot->type->slots_count; j++)
            if (&slot->type->slots[j] != slot->type->result) {
                add(&signature.plain, slot->type->slots[j].name.snake);
                add(&signature.typed,
                    say("%s: %s", slot->type->slots[j].name.snake,
                        value_type(&slot->type->slots[j])));
            }
        put(&module->body, "\n");
        put_definition(module, slot->name.snake, &signature,
                       words(module, slot->doc));
        put_stub(module, say("def %s(", slot->name.snake), &signature,
                 slot->type->result != NULL ? "wws.Status | None" : "object");
    }
}

static void put_enumeration(
    struct module *module, const struct enumeration *enumeration)
{
    put(&module->body, "\n\nclass $name$($base$):\n",
        "name", enumeration->name.pascal,
        "base", help(module, "Enumeration"));
    put_docstring(&module->body, "    ", words(module, enumeration->doc));
    put(&module->body, "\n");
    put(&module->stub, "\nclass $name$(IntEnum):\n",
        "name", enumeration->name.pascal);
    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];

        put_paragraphs(&module->body, "    #: ", "    #: ",
                       words(module, value->doc), "");
        put(&module->body, "    $name$ = $number$\n",
            "name", member_name(value),
            "number", say("%" PRId32, value->number));
        put(&module->stub, "    $name$ = $number$\n",
            "name", member_name(value),
            "number", say("%" PRId32, value->number));
    }
}

/* Tables */

/* The argument of a callback, of an event or as it was called. */
static const char *argument(
    struct module *module, const struct slot *slot, const char *place)
{
    if (slot->pointer)
        return say("%s(%s)", help(module, "pointer_out"), place);
    if (slot->kind == STRING || slot->text)
        return say("%s(%s)", help(module, "text_out"), place);
    if (slot->kind == BYTES)
        return say("%s(%s)", help(module, "octets_out"), place);
    if (slot->kind == BOOL)
        return say("bool(%s)", place);
    if (slot->kind == ENUMERATION) {
        use(&module->types, slot->enumeration->name.pascal);
        return say("%s(%s)", slot->enumeration->name.pascal, place);
    }
    if (is_message(slot, HANDLE))
        return say("%s(%s, \"%s\", None)", help(module, "lent"), place,
                   slot->type->name.pascal);
    return place;
}

static const char *arguments(
    struct module *module, const struct type *callback, const char *before)
{
    const char *all = "";

    for (size_t i = 0; i < callback->slots_count; i++)
        if (&callback->slots[i] != callback->result)
            all = say("%s%s%s", all, *all ? ", " : "",
                      argument(module, &callback->slots[i],
                               say("%s%s", before,
                                   callback->slots[i].name.snake)));
    return all;
}

static void put_queued(struct module *module, const struct type *table)
{
    const struct slot *slot = only_callback(table);
    const char *all = arguments(module, slot->type, "event.");

    put(&module->body, "\n\ndef $table$_table($slot$, owner):\n",
        "table", table->name.snake, "slot", slot->name.snake);
    put_docstring(&module->body, "    ", words(module, table->doc));
    put(&module->body,
        "    return $queued$(\"wws_$table$\", $slot$, owner,\n"
        "        lambda event: ($all$$comma$), answers=$answers$)\n",
        "queued", help(module, "queued"), "table", table->name.snake,
        "slot", slot->name.snake, "all", all,
        "comma", slot->type->slots_count > 0 ? "," : "",
        "answers", slot->type->result != NULL ? "True" : "False");
}

static const char *callback_name(
    const struct type *table, const struct slot *slot)
{
    return say("%s_%s", table->name.snake, slot->name.snake);
}

static void put_extern(
    struct module *module, const struct type *table, const struct slot *slot)
{
    const struct type *callback = slot->type;
    struct list names = { 0 };
    const char *method = only_callback(table) == slot
        ? "" : say(".%s", slot->name.snake);

    for (size_t i = 0; i < callback->slots_count; i++)
        if (&callback->slots[i] != callback->result) {
            add(&names, callback->slots[i].name.snake);
            if (callback->slots[i].repeated)
                add(&names, say("%s_count", callback->slots[i].name.snake));
        }
    add(&names, "state");
    put(&module->body, "\n\n@$ffi$.def_extern()\n",
        "ffi", help(module, "ffi"));
    put_call(&module->body,
             say("def wws_python_%s(", callback_name(table, slot)), &names,
             "):\n");
    put_docstring(&module->body, "    ", words(module, slot->doc));
    names.count = 0;
    add(&names, say("ffi.from_handle(state)%s", method));
    if (*arguments(module, callback, "") != '\0')
        add(&names, arguments(module, callback, ""));
    put_call(&module->body,
             say("    %s%s(", callback->result != NULL ? "return " : "",
                 help(module, callback->result != NULL ? "ask" : "tell")),
             &names, ")\n");
}

static void put_table(struct module *module, const struct type *table)
{
    for (size_t i = 0; i < table->slots_count; i++)
        if (is_message(&table->slots[i], CALLBACK))
            put_extern(module, table, &table->slots[i]);
    put(&module->body, "\n\ndef $table$_table(callbacks):\n",
        "table", table->name.snake);
    put_docstring(&module->body, "    ", words(module, table->doc));
    put(&module->body, "    return $foreign$(\"wws_$table$\", callbacks",
        "foreign", help(module, "foreign"), "table", table->name.snake);
    for (size_t i = 0; i < table->slots_count; i++)
        if (is_message(&table->slots[i], CALLBACK))
            put(&module->body, ",\n        $slot$=\"wws_call_$name$\"",
                "slot", table->slots[i].name.snake,
                "name", callback_name(table, &table->slots[i]));
    put(&module->body, ")\n");
}

/* Files */

static void sort(struct list *list)
{
    for (size_t i = 1; i < list->count; i++)
        for (size_t j = i;
             j > 0 && strcmp(list->items[j - 1], list->items[j]) > 0; j--) {
            const char *item = list->items[j];

            list->items[j] = list->items[j - 1];
            list->items[j - 1] = item;
        }
}

static void put_import(
    struct text *text, const char *from, const struct list *names)
{
    size_t column = strlen(from) + strlen("from  import (");

    if (names->count == 0)
        return;
    for (size_t i = 0; i < names->count; i++)
        column += strlen(names->items[i]) + 2;
    if (column <= COLUMNS + 2)
        put_call(text, say("from %s import ", from), names, "\n");
    else
        put_call(text, say("from %s import (", from), names, ")\n");
}

static void put_head(
    struct text *text, const char *file, const char *what)
{
    put_docstring(text, "",
                  say("%s\n\nGenerated by schema/plugin from schema/%s; "
                      "change it there.", what, file));
}

static void find_used(
    struct list *used,
    const struct module *module,
    const char *const *names,
    size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(module->stub.data, names[i]) != NULL)
            add(used, names[i]);
}

static void put_stub_head(struct text *text, const struct module *module)
{
    static const char *const names[] = {
        "Handled", "Object", "Octets", "Owned", "Raised",
        "Record", "Served", "Struct",
    };
    static const char *const typings[] = { "Callable", "Sequence" };
    static const char *const enums[] = { "IntEnum" };
    struct list helpers = { 0 };
    struct list typing = { 0 };
    struct list base = { 0 };

    find_used(&helpers, module, names, sizeof names / sizeof *names);
    find_used(&typing, module, typings, sizeof typings / sizeof *typings);
    find_used(&base, module, enums, sizeof enums / sizeof *enums);
    put(text, "# Generated by schema/plugin; change the schema.\n");
    put_import(text, "enum", &base);
    put_import(text, "typing", &typing);
    put(text, "\nimport wws\n");
    put_import(text, "._support", &helpers);
}

static void finish(
    struct module *module,
    struct output **outputs,
    const char *name,
    const char *file,
    const char *what)
{
    struct text *text =
        open_output(outputs, say("bindings/python/wws/%s.py", name));

    sort(&module->helpers);
    sort(&module->types);
    sort(&module->tables);
    put_head(text, file, what);
    put_import(text, "._support", &module->helpers);
    put_import(text, "._tables", &module->tables);
    put_import(text, ".types", &module->types);
    put(text, "$body$", "body", module->body.data);
    if (module->stub.size == 0)
        return;
    text = open_output(outputs, say("bindings/python/wws/%s.pyi", name));
    put_stub_head(text, module);
    put(text, "$stub$", "stub", module->stub.data);
}

/* The first sentence of a comment. */
static const char *sentence(const char *doc)
{
    const char *end = strstr(doc, ".  ");

    if (end == NULL)
        end = strstr(doc, ".\n");
    return end == NULL ? doc : say("%.*s", (int) (end - doc) + 1, doc);
}

static void emit_object(
    const struct model *model,
    const struct object *object,
    struct output **outputs)
{
    struct module module = { .model = model, .self = "self" };

    if (has_class(model, object))
        put_class(&module, object);
    for (size_t i = 0; object->free_functions && i < object->calls_count; i++)
        if (object->calls[i].role != FREE)
            put_function(&module, &object->calls[i]);
    finish(&module, outputs, object->name.snake, object->file,
           sentence(words(&module, object->doc)));
}

static void emit_types(const struct model *model, struct output **outputs)
{
    struct module module = { .model = model, .self = "self" };

    for (size_t i = 0; i < model->enumerations_count; i++)
        put_enumeration(&module, &model->enumerations[i]);
    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *type = model->structs[i];
        struct slot slot = { .kind = MESSAGE, .type = type };

        if (has_record(model, type))
            put_record(&module, type);
        else if (type->shape == STRUCT && !is_options(&slot))
            put_value(&module, type);
        else if (is_table(model, type) && only_callback(type) == NULL)
            put_callbacks(&module, type);
    }
    module.types.count = 0; /* they are here */
    finish(&module, outputs, "types", "wws",
           "Values that go in and out of the objects.");
}

static void emit_tables(const struct model *model, struct output **outputs)
{
    struct module module = { .model = model, .self = "self" };

    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *type = model->structs[i];

        if (!is_table(model, type))
            continue;
        if (is_queued(model, type))
            put_queued(&module, type);
        else
            put_table(&module, type);
    }
    finish(&module, outputs, "_tables", "wws",
           "What is called by the library, and what an event calls.");
}

static const struct enumeration *status_of(const struct model *model)
{
    for (size_t i = 0; i < model->enumerations_count; i++)
        if (model->enumerations[i].is_status)
            return &model->enumerations[i];
    return NULL;
}

/* The record that an error object knows of itself. */
static const struct type *failure_of(const struct model *model)
{
    for (size_t i = 0; model->error != NULL && i < model->error->calls_count;
         i++)
        for (size_t j = 0; j < model->error->calls[i].parameters_count; j++) {
            const struct parameter *parameter =
                &model->error->calls[i].parameters[j];

            if (is_record_output(parameter)
                    && !model->error->calls[i].may_end)
                return parameter->slot->type;
        }
    return NULL;
}

/* What else it may have. */
static void put_extras(struct module *module, const char **doc)
{
    const struct object *error = module->model->error;

    for (size_t i = 0; error != NULL && i < error->calls_count; i++) {
        const struct call *call = &error->calls[i];

        for (size_t j = 0; call->may_end && j < call->parameters_count; j++) {
            const struct slot *slot = call->parameters[j].slot;

            say_of(module, doc, slot->name.snake, slot->type->doc);
            put(&module->stub, "    $name$: $type$ | None\n",
                "name", slot->name.snake, "type", value_type(slot));
        }
    }
}

static void put_error(struct module *module)
{
    const struct type *record = failure_of(module->model);
    const char *doc = "What went wrong: a function failed.\n\n"
                      "- strings: What each layer says, the outermost first.";

    put(&module->stub,
        "\nclass Error(Exception):\n"
        "    strings: tuple[str, ...]\n");
    put_extras(module, &doc);
    for (size_t i = 0; record != NULL && i < record->slots_count; i++) {
        const struct slot *slot = &record->slots[i];

        say_of(module, &doc, slot->name.snake, slot->doc);
        put(&module->stub, "    $name$: $type$\n", "name", slot->name.snake,
            "type", value_type(slot));
    }
    put(&module->body, "\n\nclass Error($base$):\n",
        "base", help(module, "Failure"));
    put_docstring(&module->body, "    ", doc);
}

static void emit_errors(const struct model *model, struct output **outputs)
{
    const struct enumeration *status = status_of(model);
    struct module module = { .model = model, .self = "self" };
    struct list bases = { 0 };

    if (status == NULL)
        return;
    put_error(&module);
    for (size_t i = 0; i < status->values_count; i++) {
        const struct value *value = &status->values[i];

        if (value->number >= 0)
            continue;
        put(&module.body, "\n\n");
        bases.count = 0;
        add(&bases, "Error");
        add(&bases, say("status=Status.%s", member_name(value)));
        put_prototype(&module.body, "", say("class %s(", error_name(value)),
                      &bases, "):\n");
        put_docstring(&module.body, "    ", words(&module, value->doc));
        put(&module.stub, "\nclass $name$(Error): ...\n",
            "name", error_name(value));
    }
    use(&module.types, status->name.pascal);
    finish(&module, outputs, "errors", status->file,
           "An exception for each status that is a failure.");
}

static void add_exports(const struct model *model, struct list *names)
{
    for (size_t i = 0; i < model->enumerations_count; i++)
        add(names, model->enumerations[i].name.pascal);
    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *type = model->structs[i];
        struct slot slot = { .kind = MESSAGE, .type = type };

        if ((has_record(model, type) && type != failure_of(model))
                || (type->shape == STRUCT && !is_options(&slot))
                || (is_table(model, type) && only_callback(type) == NULL))
            add(names, type->name.pascal);
    }
    sort(names);
}

static void put_exports(
    struct text *text, const char *module, const struct list *names)
{
    for (size_t i = 0; i < names->count; i++)
        put(text, "from .$module$ import $name$ as $name$\n",
            "module", module, "name", names->items[i]);
}

/* What comes last is by hand, and takes the place of what is printed. */
static void emit_package(const struct model *model, struct output **outputs)
{
    struct text *text =
        open_output(outputs, "bindings/python/wws/__init__.py");
    const struct enumeration *status = status_of(model);
    struct list names = { 0 };

    put_head(text, "wws", "Web services whose every pending operation can "
                           "be stopped.");
    put(text, "from . import _support\n\n_support.require($version$)\n\n",
        "version", say("%" PRIu32, model->version));
    add_exports(model, &names);
    put_exports(text, "types", &names);
    names.count = 0;
    add(&names, "Error");
    for (size_t i = 0; status != NULL && i < status->values_count; i++)
        if (status->values[i].number < 0)
            add(&names, error_name(&status->values[i]));
    put_exports(text, "errors", &names);
    for (size_t i = 0; i < model->objects_count; i++) {
        const struct object *object = &model->objects[i];

        names.count = 0;
        if (has_class(model, object))
            add(&names, object->name.pascal);
        for (size_t j = 0; object->free_functions && j < object->calls_count;
             j++)
            if (object->calls[j].role != FREE)
                add(&names, object->calls[j].name.snake);
        put_exports(text, object->name.snake, &names);
    }
    put(text, "from ._extras import *  # noqa: F401,F403\n"
              "from ._support import INFINITE as INFINITE\n");
}

/* Declarations for cffi */

static const char *callback_result(const struct type *callback)
{
    return callback->result != NULL ? "wws_status" : "void";
}

static struct list callback_parameters(const struct type *callback)
{
    struct list list = { 0 };

    for (size_t i = 0; i < callback->slots_count; i++) {
        const struct slot *slot = &callback->slots[i];

        if (slot == callback->result)
            continue;
        if (slot->repeated) {
            add(&list, say("const %s *%s", c_type(slot), slot->name.snake));
            add(&list, say("size_t %s_count", slot->name.snake));
        } else {
            add(&list, say("%s %s", c_type(slot), slot->name.snake));
        }
    }
    add(&list, "void *state");
    return list;
}

static void put_callback_heads(
    struct text *text, const struct model *model, const char *before)
{
    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *table = model->structs[i];

        if (!is_table(model, table) || is_queued(model, table))
            continue;
        for (size_t j = 0; j < table->slots_count; j++) {
            const struct slot *slot = &table->slots[j];
            struct list parameters;

            if (!is_message(slot, CALLBACK))
                continue;
            parameters = callback_parameters(slot->type);
            put_prototype(text, "",
                          say("%s%s wws_%s_%s(", before,
                              callback_result(slot->type),
                              *before != '\0' ? "python" : "call",
                              callback_name(table, slot)),
                          &parameters, ");\n");
        }
    }
}

static void emit_declarations(
    const struct model *model, struct output **outputs)
{
    struct text *text =
        open_output(outputs, "bindings/python/wws/_cdef.h");
    struct list files = files_of_types(model);

    put_origin(text, &files, "All declarations of the interface, as cffi "
                             "takes them, and what calls Python.");
    put(text, "\n");
    put_declarations(text, model);
    put(text, "\n");
    put_callback_heads(text, model, "extern \"Python\" ");
    put_callback_heads(text, model, "");
}

/* A thread of the library may come when Python is gone already. */
static void put_gate(
    struct text *text,
    const struct model *model,
    const struct type *table,
    const struct slot *slot)
{
    const struct enumeration *status = status_of(model);
    struct list parameters = callback_parameters(slot->type);
    struct list names = { 0 };
    const char *failure = "";

    for (size_t i = 0; status != NULL && i < status->values_count; i++)
        if (status->values[i].number < 0 && *failure == '\0')
            failure = status->values[i].constant;
    for (size_t i = 0; i < parameters.count; i++)
        add(&names, strrchr(parameters.items[i], ' ')
                        + (strrchr(parameters.items[i], ' ')[1] == '*') + 1);
    put(text, "\n");
    put_prototype(text, "",
                  say("static %s wws_python_%s(",
                      callback_result(slot->type),
                      callback_name(table, slot)), &parameters, ");\n");
    put(text, "\n");
    put_prototype(text, "",
                  say("static %s wws_call_%s(", callback_result(slot->type),
                      callback_name(table, slot)), &parameters, ")\n{\n");
    put(text, "    if (wws_python_is_gone())\n        return$failure$;\n",
        "failure", slot->type->result != NULL ? say(" %s", failure) : "");
    put_call(text, say("    %swws_python_%s(",
                       slot->type->result != NULL ? "return " : "",
                       callback_name(table, slot)), &names, ");\n}\n");
}

static void emit_gates(const struct model *model, struct output **outputs)
{
    struct text *text =
        open_output(outputs, "bindings/python/wws/_callbacks.h");
    struct list files = files_of_types(model);

    put_origin(text, &files, "What the library calls: Python, as long as it "
                             "is there.");
    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *table = model->structs[i];

        if (!is_table(model, table) || is_queued(model, table))
            continue;
        for (size_t j = 0; j < table->slots_count; j++)
            if (is_message(&table->slots[j], CALLBACK))
                put_gate(text, model, table, &table->slots[j]);
    }
}

void emit_cffi(const struct model *model, struct output **outputs)
{
    emit_package(model, outputs);
    emit_types(model, outputs);
    emit_tables(model, outputs);
    emit_errors(model, outputs);
    for (size_t i = 0; i < model->objects_count; i++)
        if (has_class(model, &model->objects[i])
                || model->objects[i].free_functions)
            emit_object(model, &model->objects[i], outputs);
    emit_declarations(model, outputs);
    emit_gates(model, outputs);
}
