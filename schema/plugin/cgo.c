/* Emits bindings/go: a file for each of the schema, with a type for each
 * object, enumeration, struct, record and table, and what C calls of Go.
 *
 * Words.  To *lower* is to make C's value of Go's, in memory of C that a frame
 * holds; to *lift* is the way back.  A table is *queued* if what it tells comes
 * as an event of a queue, and *called* if C calls Go on a thread of its own.
 * bindings/go/support.go has what generated code stands on. */
#include "emitters.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* Comments are as wide as C's, code may be wider. */
enum { CODE_COLUMNS = 100, TAB = 4 };

/* What all of this is about, for one run. */
static struct {
    const struct model *model;
    const struct object *queue; /* has no type in Go, no more than errors */
    const struct type *event;
    struct speech speech;
} go;

/* A file, and which packages it needs. */
struct file {
    struct text text;
    bool context;
    bool time;
};

/* Names */

/* Words that Go writes in a way of their own. */
static const char *const words[][2] = {
    { "http", "HTTP" }, { "id", "ID" },     { "io", "IO" },
    { "ok", "OK" },     { "soap", "SOAP" }, { "tcp", "TCP" },
    { "uri", "URI" },   { "url", "URL" },   { "utf8", "UTF8" },
    { "xml", "XML" },   { "invalidarg", "InvalidArg" },
    { "outofmemory", "OutOfMemory" },
};

static const char *go_word(const char *word, size_t size, bool first)
{
    char *plain = say("%.*s", (int) size, word);

    for (char *at = plain; *at != '\0'; at++)
        *at = (char) tolower(*at);
    if (first)
        return plain;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], plain) == 0)
            return words[i][1];
    *plain = (char) toupper(*plain);
    return plain;
}

static const char *joined(const char *snake, bool lower)
{
    const char *name = "";

    for (const char *at = snake; *at != '\0'; at += *at == '_') {
        size_t size = strcspn(at, "_");

        name = say("%s%s", name, go_word(at, size, lower && at == snake));
        at += size;
    }
    return name;
}

static const char *exported(const char *snake)
{
    return joined(snake, false);
}

/* A time, which Go has a type for. */
static bool is_duration(const struct slot *slot)
{
    size_t size = strlen(slot->name.snake);

    return slot->kind == UINT32 && !slot->repeated && size > 3
           && strcmp(slot->name.snake + size - 3, "_ms") == 0;
}

static const char *plain_name(const struct slot *slot)
{
    size_t size = strlen(slot->name.snake);

    return say("%.*s", (int) (is_duration(slot) ? size - 3 : size),
               slot->name.snake);
}

static const char *member_name(const struct slot *slot)
{
    return exported(plain_name(slot));
}

static const char *argument_name(const struct slot *slot)
{
    static const char *const taken[] = {
        "c", "context", "ctx", "err", "error", "f", "first", "found", "head",
        "nil", "o", "outcome", "pending", "string", "t", "time",
    };
    const char *name = joined(plain_name(slot), true);

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(taken[i], name) == 0)
            return say("%sValue", name);
    return name;
}

static const char *value_name(
    const struct enumeration *enumeration, const struct value *value)
{
    const char *name = value->short_name.snake;

    if (enumeration->is_status && name[1] == '_')
        name += 2;
    if (enumeration->is_status && strncmp(name, "operation_", 10) == 0)
        name += 10;
    return say("%s%s", exported(enumeration->name.snake), exported(name));
}

/* The error that a failing status is known by. */
static const char *sentinel_name(
    const struct enumeration *enumeration, const struct value *value)
{
    size_t skip = strlen(exported(enumeration->name.snake));

    return say("Err%s", value_name(enumeration, value) + skip);
}

static bool begins_with(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool has_call(const struct object *object, const char *snake)
{
    for (size_t i = 0; i < object->calls_count; i++)
        if (strcmp(object->calls[i].name.snake, snake) == 0)
            return true;
    return false;
}

/* Go asks for a state by State, and makes a channel by NewChannel. */
static const char *call_name(const struct call *call)
{
    const char *snake = call->name.snake;

    if (call->role == CREATE)
        return say("New%s%s", exported(call->object->name.snake),
                   begins_with(snake, "create") ? exported(snake + 6)
                                                : exported(snake));
    if (begins_with(snake, "get_") && !has_call(call->object, snake + 4))
        snake += 4;
    return exported(snake);
}

static const char *receiver_name(const struct object *object)
{
    return say("%.1s", object->name.snake);
}

/* What there is in Go */

static bool is_spoken_object(const struct object *object)
{
    return object != NULL && !object->free_functions
           && object != go.model->error && object != go.queue;
}

static bool is_handle_of(const struct slot *slot, const struct object *object)
{
    return is_message(slot, HANDLE) && slot->type->object == object;
}

static const struct slot *queue_of(const struct type *table)
{
    for (size_t i = 0; go.queue != NULL && i < table->slots_count; i++)
        if (is_handle_of(&table->slots[i], go.queue))
            return &table->slots[i];
    return NULL;
}

static bool is_callback(const struct slot *slot)
{
    return is_message(slot, CALLBACK);
}

/* The arguments of a callback, its result and its state aside. */
static bool is_argument(const struct type *callback, const struct slot *slot)
{
    return slot != callback->result && !slot->pointer;
}

static const struct slot *only_argument(const struct type *callback)
{
    const struct slot *only = NULL;

    for (size_t i = 0; i < callback->slots_count; i++) {
        if (!is_argument(callback, &callback->slots[i]))
            continue;
        if (only != NULL)
            return NULL;
        only = &callback->slots[i];
    }
    return only;
}

/* A callback that answers serves the object that it was given. */
static bool is_served(const struct type *callback)
{
    const struct slot *only = only_argument(callback);

    return callback->result != NULL && only != NULL
           && is_message(only, HANDLE) && only->type->object->borrowed;
}

/* The callback of a table that a queue can stand for, or NULL. */
static const struct slot *queued(const struct type *table)
{
    const struct slot *only = NULL;

    if (queue_of(table) == NULL)
        return NULL;
    for (size_t i = 0; i < table->slots_count; i++) {
        if (!is_callback(&table->slots[i]))
            continue;
        if (only != NULL)
            return NULL;
        only = &table->slots[i];
    }
    if (only != NULL && only->type->result != NULL && !is_served(only->type))
        return NULL;
    return only;
}

/* What callbacks are given by C has to be lifted. */
static bool is_spoken_table(const struct type *table)
{
    if (table == go.model->completion)
        return false;
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct type *callback = table->slots[i].type;

        for (size_t j = 0; is_callback(&table->slots[i])
                               && j < callback->slots_count; j++)
            if (callback->slots[j].repeated || callback->slots[j].moved
                    || is_message(&callback->slots[j], STRUCT)
                    || is_message(&callback->slots[j], TABLE))
                return false;
    }
    return true;
}

static bool is_spoken(const struct slot *slot)
{
    if (slot->pointer)
        return false;
    if (is_message(slot, HANDLE))
        return is_spoken_object(slot->type->object);
    if (is_message(slot, TABLE))
        return is_spoken_table(slot->type);
    return true;
}

static bool is_view(const struct slot *slot)
{
    if (is_message(slot, RECORD)) {
        for (size_t i = 0; i < slot->type->slots_count; i++)
            if (is_view(&slot->type->slots[i]))
                return true;
        return false;
    }
    return slot->kind == STRING || (slot->kind == BYTES && !slot->moved);
}

/* Whether an object lends what it holds.  It is then held while that is
 * copied. */
static bool is_guarded(const struct object *object)
{
    for (size_t i = 0; i < object->calls_count; i++)
        for (size_t j = 0; j < object->calls[i].parameters_count; j++)
            if (object->calls[i].parameters[j].out
                    && is_view(object->calls[i].parameters[j].slot))
                return true;
    return false;
}

static bool mentions(
    const struct type *type, const struct enumeration *enumeration)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].enumeration == enumeration)
            return true;
    return false;
}

/* The kinds of events are no concern of those who see none. */
static bool is_spoken_enumeration(const struct enumeration *enumeration)
{
    const struct model *model = go.model;

    if (enumeration->is_status || go.event == NULL
            || !mentions(go.event, enumeration))
        return true;
    for (size_t i = 0; i < model->types_count; i++)
        if (&model->types[i] != go.event
                && mentions(&model->types[i], enumeration))
            return true;
    return false;
}

/* Documentation */

static const char *of_call(const struct call *call)
{
    if (call->role == CREATE || call->object->free_functions)
        return call_name(call);
    return say("%s.%s", exported(call->object->name.snake), call_name(call));
}

static const char *of_value(
    const struct enumeration *enumeration, const struct value *value)
{
    if (enumeration->is_status && value->number < 0)
        return sentinel_name(enumeration, value);
    if (enumeration->is_status && strcmp(value->short_name.snake, "s_end") == 0)
        return "End";
    return value_name(enumeration, value);
}

static const char *member_called(
    const struct type *type, const char *word, size_t size)
{
    for (size_t i = 0; i < type->slots_count; i++)
        if (strlen(type->slots[i].name.snake) == size
                && memcmp(type->slots[i].name.snake, word, size) == 0)
            return member_name(&type->slots[i]);
    return NULL;
}

/* How Go says a word of a comment that is a name in C. */
static const char *go_name_of(const char *word, size_t size)
{
    const struct model *model = go.model;

    if (size == 4 && memcmp(word, "null", 4) == 0)
        return "nil";
    if (size == 4 && memcmp(word, "Null", 4) == 0)
        return "Nil";
    if (memchr(word, '_', size) == NULL)
        return NULL;
    for (size_t i = 0; i < model->structs_count; i++) {
        const char *name = member_called(model->structs[i], word, size);

        if (name != NULL)
            return name;
    }
    return NULL;
}

static bool ends_sentence(const char *at)
{
    return at[0] == '.' && at[1] == ' ' && at[2] == ' ';
}

/* Words between quotation marks, with single spaces. */
static const char *unquoted(const char *doc)
{
    const char *said = in_speech(go.model, doc, &go.speech);
    struct text text = { 0 };

    while (*said != '\0') {
        size_t size = strcspn(said, " .,;:()\n");
        const char *name = size > 0 ? go_name_of(said, size) : NULL;

        if (size == 0)
            size = 1;
        if (name == NULL)
            name = say("%.*s", (int) size, said);
        put(&text, "$name$", "name", name);
        if (ends_sentence(said))
            size++;
        said += size;
    }
    return text.size > 0 ? text.data : "";
}

/* A comment of the schema in Go's words.  What is quoted stays as it is. */
static const char *go_words(const char *doc)
{
    struct text text = { 0 };
    bool quoted = false;

    while (*doc != '\0') {
        size_t size = strcspn(doc, "\"");
        const char *part = say("%.*s", (int) size, doc);

        put(&text, "$part$$mark$",
            "part", quoted ? part : unquoted(part),
            "mark", doc[size] == '"' ? "\"" : "");
        quoted = !quoted;
        doc += size + (doc[size] == '"');
    }
    return text.size > 0 ? text.data : "";
}

/* Newlines between words are spaces; put_paragraphs() breaks lines itself, and
 * would put two spaces behind a full stop at their ends. */
static const char *one_line(const char *doc)
{
    char *line = say("%s", doc);
    char *to = line;

    for (const char *from = line; *from != '\0'; from++) {
        bool paragraph = from[0] == '\n' && from[1] == '\n';

        if (paragraph)
            *to++ = *from++;
        *to++ = *from == '\n' && !paragraph ? ' ' : *from;
    }
    *to = '\0';
    return line;
}

static void put_words(struct text *text, const char *indent, const char *doc)
{
    const char *margin = say("%s// ", indent);

    put_paragraphs(text, margin, margin, one_line(doc), "");
}

static bool first_word_is(const char *doc, const char *const *list)
{
    size_t size = strcspn(doc, " ,.");

    for (; *list != NULL; list++)
        if (strlen(*list) == size && memcmp(doc, *list, size) == 0)
            return true;
    return false;
}

static const char *uncapitalised(const char *doc)
{
    char *sentence = say("%s", doc);

    if (!isupper((unsigned char) doc[1]) && !isdigit((unsigned char) doc[1])
            && doc[1] != '/')
        *sentence = (char) tolower(*sentence);
    return sentence;
}

/* A comment that begins with the name of what it is about, as Go's do. */
static const char *doc_of(
    const char *name, const char *doc, const char *noun, const char *other)
{
    static const char *const nouns[] = { "The", "A", "An", "One", NULL };
    static const char *const clauses[] = {
        "How", "What", "Which", "Whether", "Why", "Where", "On", NULL
    };
    const char *verb = first_word_is(doc, nouns)     ? noun
                       : first_word_is(doc, clauses) ? "says "
                                                     : other;

    return say("%s %s%s", name, verb, uncapitalised(go_words(doc)));
}

static void put_type_doc(
    struct text *text, const char *name, const char *doc, const char *other)
{
    put_words(text, "", doc_of(name, doc, "is ", other));
}

/* Files */

static const char *file_path(const char *proto)
{
    const char *name = strrchr(proto, '/');
    const char *stem = name != NULL ? name + 1 : proto;

    return say("bindings/go/%.*s.go", (int) strcspn(stem, "."), stem);
}

static void put_head(struct text *text, const char *from)
{
    put(text,
        "// Code generated by schema/plugin from $from$. DO NOT EDIT.\n"
        "\n"
        "package wws\n"
        "\n",
        "from", from);
}

static void put_imports(struct text *text, const struct file *file)
{
    put(text,
        "// #include \"callbacks.h\"\n"
        "import \"C\"\n");
    if (file->context && file->time)
        put(text, "\nimport (\n\t\"context\"\n\t\"time\"\n)\n");
    else if (file->context || file->time)
        put(text, "\nimport \"$package$\"\n",
            "package", file->context ? "context" : "time");
}

static size_t width(const char *code)
{
    size_t columns = 0;

    for (; *code != '\0' && *code != '\n'; code++)
        columns += *code == '\t' ? TAB : 1;
    return columns;
}

/* A call whose arguments fill lines. */
static void put_filled(
    struct text *text,
    const char *head,
    const struct list *items,
    const char *tail)
{
    size_t indent = strspn(head, "\t") + 1;
    size_t column = width(head);

    put(text, "$head$", "head", head);
    for (size_t i = 0; i < items->count; i++) {
        bool last = i + 1 == items->count;
        const char *item = say("%s%s", items->items[i], last ? "" : ",");
        size_t size = strlen(item) + (last ? width(tail) : 0);

        if (i > 0 && column + 1 + size > CODE_COLUMNS) {
            put(text, "\n$tabs$$item$", "item", item,
                "tabs", say("%.*s", (int) indent, "\t\t\t\t"));
            column = TAB * indent + strlen(item);
        } else {
            put(text, i > 0 ? " $item$" : "$item$", "item", item);
            column += strlen(item) + (i > 0);
        }
    }
    put(text, "$tail$", "tail", tail);
}

/* Types of values */

static const char *named_type(const struct slot *slot)
{
    return exported(slot->kind == ENUMERATION ? slot->enumeration->name.snake
                                              : slot->type->name.snake);
}

static const char *go_type(struct file *file, const struct slot *slot)
{
    static const char *const names[] = {
        [BOOL] = "bool",     [INT32] = "int32",    [UINT32] = "uint32",
        [INT64] = "int64",   [UINT64] = "uint64",  [DOUBLE] = "float64",
        [STRING] = "string", [BYTES] = "[]byte",
    };
    const char *type = slot->kind <= BYTES ? names[slot->kind] : NULL;

    if (is_duration(slot)) {
        file->time = true;
        type = "time.Duration";
    } else if (slot->text) {
        type = "string";
    } else if (type == NULL) {
        type = named_type(slot);
    }
    if (is_message(slot, HANDLE) || is_message(slot, STRUCT)
            || (is_message(slot, TABLE) && !slot->required))
        type = say("*%s", type);
    return slot->repeated ? say("[]%s", type) : type;
}

static const char *cgo_type(const struct slot *slot)
{
    return say("C.%s", c_type(slot));
}

/* Go's value as an argument of C. */
static const char *lowered(const struct slot *slot, const char *value)
{
    if (slot->repeated && slot->kind == STRING)
        return say("f.texts(%s)", value);
    if (slot->repeated)
        return say("array[%s](f, %s)", cgo_type(slot), value);
    if (is_duration(slot))
        return say("milliseconds(%s)", value);
    if (slot->kind == STRING)
        return say("f.text(%s)", value);
    if (slot->text)
        value = say("[]byte(%s)", value);
    if (slot->kind == BYTES)
        return say(slot->moved ? "f.moved(%s)" : "f.octets(%s)", value);
    if (is_message(slot, HANDLE))
        return say("%s.in(f)", value);
    if (slot->kind == MESSAGE)
        return say("%s.lower(f)", value);
    return say("%s(%s)", cgo_type(slot), value);
}

/* C's value in Go, where it is more than a conversion: views are copied,
 * handles borrowed of what lends them. */
static const char *lifted(
    const struct slot *slot, const char *value, const char *lender)
{
    const char *name;

    if (is_duration(slot))
        return say("duration(%s)", value);
    if (slot->kind == STRING)
        return say("goText(%s)", value);
    if (slot->kind == BYTES)
        return say(slot->text ? "string(goOctets(%s))" : "goOctets(%s)",
                   value);
    if (slot->kind == BOOL)
        return say("bool(%s)", value);
    if (slot->kind <= DOUBLE)
        return say("%s(%s)",
                   go_type(&(struct file) { .time = false }, slot), value);
    name = named_type(slot);
    if (slot->kind == ENUMERATION)
        return say("%s(%s)", name, value);
    return say("lift%s(%s, %s)", name, value, lender);
}

/* Enumerations */

static void put_string_method(
    struct text *text, const struct enumeration *enumeration)
{
    const char *name = exported(enumeration->name.snake);

    put(text,
        "\n"
        "// String names the value as the schema does, in lower case.\n"
        "func (v $name$) String() string {\n"
        "\tswitch v {\n",
        "name", name);
    for (size_t i = 0; i < enumeration->values_count; i++)
        put(text,
            "\tcase $value$:\n"
            "\t\treturn \"$word$\"\n",
            "value", value_name(enumeration, &enumeration->values[i]),
            "word", enumeration->values[i].short_name.snake);
    put(text,
        "\t}\n"
        "\treturn unknown(\"$name$\", uint32(v))\n"
        "}\n",
        "name", name);
}

static const char *marked(
    const char *name, const char *doc, uint32_t since)
{
    const char *sentence =
        say("%s: %s", name, uncapitalised(go_words(doc)));

    if (since > 1)
        sentence = say("%s Since version %" PRIu32 ".", sentence, since);
    return sentence;
}

static void put_values(
    struct text *text, const struct enumeration *enumeration)
{
    put(text, "\nconst (\n");
    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];
        const char *name = value_name(enumeration, value);

        put(text, i > 0 ? "\n" : "");
        put_words(text, "\t", marked(name, value->doc, value->since));
        put(text, "\t$name$ $type$ = $number$\n",
            "name", name, "type", exported(enumeration->name.snake),
            "number", say("%" PRId32, value->number));
    }
    put(text, ")\n");
}

static void put_sentinels(
    struct text *text, const struct enumeration *enumeration)
{
    const char *before = "";

    put(text,
        "\n"
        "// What failures are known by: errors.Is(err, ErrX) says whether the"
        " status of\n"
        "// err is StatusX.\n"
        "var (\n");
    for (size_t i = 0; i < enumeration->values_count; i++) {
        const struct value *value = &enumeration->values[i];
        const char *name = sentinel_name(enumeration, value);

        if (value->number >= 0)
            continue;
        put(text, "$before$", "before", before);
        put_words(text, "\t", marked(name, value->doc, value->since));
        put(text, "\t$name$ error = $value$\n",
            "name", name, "value", value_name(enumeration, value));
        before = "\n";
    }
    put(text, ")\n");
}

static void put_enumeration(
    struct text *text, const struct enumeration *enumeration)
{
    const char *name = exported(enumeration->name.snake);

    put(text, "\n");
    put_type_doc(text, name, enumeration->doc, "stands for ");
    put(text, "type $name$ $integer$\n", "name", name,
        "integer", enumeration->is_status ? "int32" : "uint32");
    put_values(text, enumeration);
    if (enumeration->is_status)
        put_sentinels(text, enumeration);
    else
        put_string_method(text, enumeration);
}

/* Structs */

static const struct value *initial_value(const struct slot *slot)
{
    const struct enumeration *enumeration = slot->enumeration;

    for (size_t i = 0; i < enumeration->values_count; i++)
        if (slot->value == NULL
                || strcmp(enumeration->values[i].name, slot->value) == 0)
            return &enumeration->values[i];
    return &enumeration->values[0];
}

static bool has_zero(const struct enumeration *enumeration)
{
    for (size_t i = 0; i < enumeration->values_count; i++)
        if (enumeration->values[i].number == 0)
            return true;
    return false;
}

/* What a member is that is left out, in Go; NULL if that is its zero value. */
static const char *initial(const struct slot *slot)
{
    if (slot->required || slot->repeated)
        return NULL;
    if (slot->kind == ENUMERATION && initial_value(slot)->number != 0)
        return value_name(slot->enumeration, initial_value(slot));
    if (slot->kind == BOOL && slot->value != NULL
            && strcmp(slot->value, "true") == 0)
        return "true";
    if (slot->kind <= DOUBLE && slot->kind != BOOL && slot->value != NULL
            && strcmp(slot->value, "0") != 0)
        return slot->value;
    return NULL;
}

/* A member whose zero value is a choice of its own can be left out only by
 * being a pointer. */
static bool by_pointer(const struct slot *slot)
{
    return initial(slot) != NULL
           && (slot->kind == BOOL
               || (slot->kind == ENUMERATION && has_zero(slot->enumeration)));
}

static const char *said_duration(const char *value)
{
    unsigned long long ms = 0;

    for (const char *at = value; *at != '\0'; at++)
        ms = 10 * ms + (unsigned) (*at - '0');
    if (ms == UINT32_MAX)
        return "Infinite";
    return ms % 1000 == 0 ? say("%llu s", ms / 1000) : say("%llu ms", ms);
}

static const char *member_doc(const struct type *type, const struct slot *slot)
{
    const char *doc = go_words(slot->doc);
    const char *value = initial(slot);

    if (value != NULL && is_duration(slot))
        value = said_duration(value);
    if (slot->required && type->shape == STRUCT)
        doc = say("%s Required.", doc);
    if (value != NULL)
        doc = say("%s Default: %s.", doc, value);
    if (slot->since > type->since)
        doc = say("%s Since version %" PRIu32 ".", doc, slot->since);
    return doc;
}

static const char *member_type(struct file *file, const struct slot *slot)
{
    const char *type = go_type(file, slot);

    return by_pointer(slot) ? say("*%s", type) : type;
}

static void put_members(struct file *file, const struct type *type)
{
    const char *before = "";

    for (size_t i = 0; i < type->slots_count; i++) {
        const struct slot *slot = &type->slots[i];

        if (!is_spoken(slot))
            continue;
        put(&file->text, "$before$", "before", before);
        put_words(&file->text, "\t", member_doc(type, slot));
        put(&file->text, "\t$name$ $type$\n", "name", member_name(slot),
            "type", member_type(file, slot));
        before = "\n";
    }
}

static const char *lowered_member(const struct slot *slot)
{
    const char *value = say("o.%s", member_name(slot));
    const char *zero = initial(slot);

    if (zero != NULL && by_pointer(slot))
        value = say("given(%s, %s)", value, zero);
    else if (zero != NULL && is_duration(slot))
        return say("or(%s, %s)", lowered(slot, value), zero);
    else if (zero != NULL)
        value = say("or(%s, %s)", value, zero);
    if (slot->kind == BOOL)
        return say("truth(%s)", value);
    return lowered(slot, value);
}

static void put_lower_member(struct text *text, const struct slot *slot)
{
    const char *name = slot->name.snake;

    if (slot->repeated)
        put(text, "\tc.$name$, c.$name$_count = $value$\n",
            "name", name, "value", lowered_member(slot));
    else
        put(text, "\tc.$name$ = $value$\n",
            "name", name, "value", lowered_member(slot));
}

/* The head of a method that lays a struct out for C. */
static void put_lower_head(
    struct text *text, const char *receiver, const struct type *type)
{
    put(text,
        "\n"
        "func ($receiver$ *$name$) lower(f *frame) *C.wws_$snake$ {\n"
        "\tif $receiver$ == nil {\n"
        "\t\treturn nil\n"
        "\t}\n"
        "\tc := place[C.wws_$snake$](f)\n"
        "\tc.struct_size = C.sizeof_wws_$snake$\n"
        "\tc.version = C.WWS_VERSION\n",
        "receiver", receiver, "name", exported(type->name.snake),
        "snake", type->name.snake);
}

static void put_struct(struct file *file, const struct type *type)
{
    struct text *text = &file->text;
    const char *name = exported(type->name.snake);

    put(text, "\n");
    put_type_doc(text, name, type->doc, "holds ");
    put(text, "type $name$ struct {\n", "name", name);
    put_members(file, type);
    put(text, "}\n");
    put_lower_head(text, "o", type);
    for (size_t i = 0; i < type->slots_count; i++)
        if (is_spoken(&type->slots[i]))
            put_lower_member(text, &type->slots[i]);
    put(text, "\treturn c\n}\n");
}

static const char *lifted_member(const struct slot *slot)
{
    const char *value = say("c.%s", slot->name.snake);

    if (slot->kind == BOOL)
        return say("%s != 0", value);
    if (slot->kind == BYTES && slot->moved)
        return say(slot->text ? "string(take(&%s))" : "take(&%s)", value);
    return lifted(slot, value, "o");
}

static void put_record(struct file *file, const struct type *type)
{
    struct text *text = &file->text;
    const char *name = exported(type->name.snake);

    put(text, "\n");
    put_type_doc(text, name, type->doc, "holds ");
    put(text, "type $name$ struct {\n", "name", name);
    put_members(file, type);
    put(text,
        "}\n"
        "\n"
        "func lift$name$(c *C.wws_$snake$, o object) (r $name$) {\n",
        "name", name, "snake", type->name.snake);
    for (size_t i = 0; i < type->slots_count; i++)
        if (is_spoken(&type->slots[i]))
            put(text, "\tr.$name$ = $value$\n",
                "name", member_name(&type->slots[i]),
                "value", lifted_member(&type->slots[i]));
    put(text,
        "\treturn\n"
        "}\n"
        "\n"
        "func place$name$(f *frame, count int) []C.wws_$snake$ {\n"
        "\tc := places[C.wws_$snake$](f, count)\n"
        "\tfor i := range c {\n"
        "\t\tc[i].struct_size = C.sizeof_wws_$snake$\n"
        "\t\tc[i].version = C.WWS_VERSION\n"
        "\t}\n"
        "\treturn c\n"
        "}\n",
        "name", name, "snake", type->name.snake);
}

/* Tables */

static const char *callback_type(struct file *file, const struct type *callback)
{
    struct list arguments = { 0 };
    const char *said = "";

    if (is_served(callback))
        add(&arguments, "ctx context.Context");
    for (size_t i = 0; i < callback->slots_count; i++)
        if (is_argument(callback, &callback->slots[i]))
            add(&arguments, say("%s %s",
                                argument_name(&callback->slots[i]),
                                go_type(file, &callback->slots[i])));
    for (size_t i = 0; i < arguments.count; i++)
        said = say("%s%s%s", said, i > 0 ? ", " : "", arguments.items[i]);
    return say("func(%s)", said);
}

static const char *slot_type(
    struct file *file, const struct type *table, const struct slot *slot)
{
    const char *type = callback_type(file, slot->type);

    if (slot == queued(table) && is_served(slot->type)) {
        file->context = true;
        return say("%s ([]byte, error)", type);
    }
    return slot->type->result != NULL ? say("%s error", type) : type;
}

static const char *export_name(
    const struct type *table, const struct slot *slot)
{
    return say("wwsGo%s%s", table->name.pascal, slot->name.pascal);
}

static const char *shim_name(const struct type *table, const struct slot *slot)
{
    return say("wws_go_%s_%s", table->name.snake, slot->name.snake);
}

static const char *slot_doc(const struct type *table, const struct slot *slot)
{
    const char *doc = go_words(slot->doc);

    if (slot == queued(table) && is_served(slot->type))
        return say("%s It runs on a goroutine of its own, with a context that "
                   "ends when nobody wants the answer any more; what it "
                   "returns is the body of the reply, and an error becomes a "
                   "fault.", doc);
    if (slot == queued(table))
        return say("%s It runs on a goroutine of its own.", doc);
    return doc;
}

static void put_table_lower(struct text *text, const struct type *table)
{
    const struct slot *only = queued(table);

    put_lower_head(text, "t", table);
    put(text,
        "\tc.free_state = (*[0]byte)(C.wws_go_freed)\n"
        "\tcopied := *t\n"
        "\tf.register(&c.state, &copied)\n");
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];

        if (!is_callback(slot))
            continue;
        put(text, "\tif t.$name$ != nil {\n", "name", member_name(slot));
        if (slot == only)
            put(text, "\t\tc.$queue$ = events.handle\n",
                "queue", queue_of(table)->name.snake);
        else
            put(text, "\t\tc.$slot$ = (*[0]byte)(C.$shim$)\n",
                "slot", slot->name.snake, "shim", shim_name(table, slot));
        put(text, "\t}\n");
    }
    put(text, "\treturn c\n}\n");
}

static void put_event_handler(struct text *text, const struct type *table)
{
    const struct slot *slot = queued(table);
    const struct type *callback = slot->type;
    struct list arguments = { 0 };

    put(text, "\nfunc (t *$name$) happened(event *C.wws_$event$) {\n",
        "name", exported(table->name.snake), "event", go.event->name.snake);
    if (is_served(callback)) {
        const struct slot *only = only_argument(callback);

        put(text, "\tgo serve(t.$name$, $value$)\n}\n",
            "name", member_name(slot),
            "value", lifted(only, say("event.%s", only->name.snake),
                            "object{}"));
        return;
    }
    for (size_t i = 0; i < callback->slots_count; i++)
        if (is_argument(callback, &callback->slots[i]))
            add(&arguments,
                lifted(&callback->slots[i],
                       say("event.%s", callback->slots[i].name.snake),
                       "object{}"));
    put(text, "\tgo func() {\n\t\tdefer caught()\n");
    put_filled(text, say("\t\tt.%s(", member_name(slot)), &arguments, ")\n");
    put(text, "\t}()\n}\n");
}

static void put_table(struct file *file, const struct type *table)
{
    struct text *text = &file->text;
    const char *name = exported(table->name.snake);
    const char *before = "";

    put(text, "\n");
    put_type_doc(text, name, table->doc, "");
    put(text, "type $name$ struct {\n", "name", name);
    for (size_t i = 0; i < table->slots_count; i++) {
        const struct slot *slot = &table->slots[i];

        if (!is_callback(slot))
            continue;
        put(text, "$before$", "before", before);
        put_words(text, "\t", slot_doc(table, slot));
        put(text, "\t$name$ $type$\n", "name", member_name(slot),
            "type", slot_type(file, table, slot));
        before = "\n";
    }
    put(text, "}\n");
    put_table_lower(text, table);
    if (queued(table) != NULL)
        put_event_handler(text, table);
}

/* What C calls of Go, and what it calls it through: a callback has a pointer
 * where Go must not see one. */

static bool is_called(const struct type *type)
{
    return type->shape == TABLE && is_spoken_table(type)
           && queued(type) == NULL;
}

static void put_export(
    struct text *text, const struct type *table, const struct slot *slot)
{
    const struct type *callback = slot->type;
    const char *name = export_name(table, slot);
    struct list parameters = { 0 };
    struct list arguments = { 0 };

    for (size_t i = 0; i < callback->slots_count; i++) {
        const struct slot *argument = &callback->slots[i];
        const char *value = argument_name(argument);

        if (argument == callback->result)
            continue;
        add(&parameters, say("%s %s%s", value,
                             is_message(argument, RECORD) ? "*" : "",
                             cgo_type(argument)));
        if (is_argument(callback, argument))
            add(&arguments, lifted(argument, value, "object{}"));
    }
    add(&parameters, "state C.uintptr_t");
    put(text, "\n//export $name$\n", "name", name);
    put_filled(text, say("func %s(", name), &parameters,
               callback->result != NULL ? ") (outcome C.wws_status) {\n"
                                        : ") {\n");
    put(text,
        callback->result != NULL ? "\tdefer refused(&outcome)\n"
                                 : "\tdefer caught()\n");
    put(text,
        "\tif t, found := registered[$table$](uintptr(state)); found {\n",
        "table", exported(table->name.snake));
    put_filled(text,
               say(callback->result != NULL ? "\t\treturn answer(t.%s("
                                            : "\t\tt.%s(",
                   member_name(slot)),
               &arguments, callback->result != NULL ? "))\n" : ")\n");
    put(text, "\t}\n");
    if (callback->result != NULL)
        put(text, "\treturn C.wws_status(StatusHandle)\n");
    put(text, "}\n");
}

static struct list shim_parameters(const struct type *callback, bool names)
{
    struct list list = { 0 };

    for (size_t i = 0; i < callback->slots_count; i++) {
        const struct slot *slot = &callback->slots[i];

        if (slot == callback->result)
            continue;
        if (!names && is_message(slot, RECORD))
            add(&list, say("(%s *) %s", c_type(slot), slot->name.snake));
        else if (!names)
            add(&list, slot->name.snake);
        else if (is_message(slot, RECORD))
            add(&list, say("const %s *%s", c_type(slot), slot->name.snake));
        else
            add(&list, say("%s %s", c_type(slot), slot->name.snake));
    }
    add(&list, names ? "void *state" : "(uintptr_t) state");
    return list;
}

static const char *shim_head(const struct type *table, const struct slot *slot)
{
    return say("%s %s(", slot->type->result != NULL ? "wws_status" : "void",
               shim_name(table, slot));
}

static void put_shim(
    struct text *text, const struct type *table, const struct slot *slot)
{
    struct list parameters = shim_parameters(slot->type, true);
    struct list arguments = shim_parameters(slot->type, false);

    put(text, "\n");
    put_prototype(text, "", shim_head(table, slot), &parameters, ")\n{\n");
    put_call(text,
             say("    %s%s(", slot->type->result != NULL ? "return " : "",
                 export_name(table, slot)),
             &arguments, ");\n}\n");
}

typedef void put_slot(
    struct text *text, const struct type *table, const struct slot *slot);

static void put_declaration(
    struct text *text, const struct type *table, const struct slot *slot)
{
    struct list parameters = shim_parameters(slot->type, true);

    put_prototype(text, "", shim_head(table, slot), &parameters, ");\n");
}

static void put_callbacks(struct text *text, put_slot *put_one)
{
    const struct model *model = go.model;

    for (size_t i = 0; i < model->structs_count; i++) {
        const struct type *table = model->structs[i];

        for (size_t j = 0; is_called(table) && j < table->slots_count; j++)
            if (is_callback(&table->slots[j]))
                put_one(text, table, &table->slots[j]);
    }
}

static void emit_callbacks(struct output **outputs)
{
    struct text *header = open_output(outputs, "bindings/go/callbacks.h");
    struct text *shims = open_output(outputs, "bindings/go/callbacks.c");
    struct text *exports = open_output(outputs, "bindings/go/exports.go");

    put(header,
        "/* Generated by schema/plugin; change the schema.  What C calls,"
        " and calls\n"
        " * Go through: a state is a number to Go, for it may look like no"
        " pointer. */\n"
        "#ifndef CALLBACKS_H\n"
        "#define CALLBACKS_H\n"
        "\n"
        "#include <wws/wws.h>\n"
        "\n"
        "void wws_go_freed(void *state);\n");
    put_callbacks(header, put_declaration);
    put(header, "\n#endif\n");

    put(shims,
        "/* Generated by schema/plugin; change the schema. */\n"
        "#include \"callbacks.h\"\n"
        "\n"
        "#include \"_cgo_export.h\"\n"
        "\n"
        "void wws_go_freed(void *state)\n"
        "{\n"
        "    wwsGoFreed((uintptr_t) state);\n"
        "}\n");
    put_callbacks(shims, put_shim);

    put_head(exports, "the schema");
    put(exports,
        "// #include <wws/wws.h>\n"
        "import \"C\"\n");
    put_callbacks(exports, put_export);
}

/* Calls */

static bool is_result(const struct parameter *parameter)
{
    return parameter->out && !parameter->in && is_spoken(parameter->slot);
}

/* A handle that C makes if it is given none: callers seldom have one. */
static bool is_both_ways(const struct parameter *parameter)
{
    return parameter->in && parameter->out && is_spoken(parameter->slot);
}

/* The output that says how many records there are, or NULL. */
static const struct slot *count_of(
    const struct call *call, const struct slot *records)
{
    const char *own = say("%s_count", records->name.snake);

    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        if (call->parameters[i].out
                && (strcmp(slot->name.snake, "count") == 0
                    || strcmp(slot->name.snake, own) == 0))
            return slot;
    }
    return NULL;
}

/* A slice knows it by itself. */
static bool is_count(const struct call *call, const struct parameter *parameter)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].out && call->parameters[i].slot->repeated
                && count_of(call, call->parameters[i].slot) == parameter->slot)
            return true;
    return false;
}

/* The parameter that is the object itself where there is a default one. */
static const struct parameter *default_of(const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->role == CREATE && call->parameters[i].has_default
                && call->parameters[i].in && !call->parameters[i].required)
            return &call->parameters[i];
    return NULL;
}

static const char *first_of(const char *name, bool last)
{
    return last ? say("first(%s)", name) : name;
}

static struct list go_arguments(struct file *file, const struct call *call)
{
    struct list list = { 0 };
    size_t both = 0;

    if (call->async) {
        file->context = true;
        add(&list, "ctx context.Context");
    }
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        if (!parameter->in || !is_spoken(slot)
                || parameter == default_of(call))
            continue;
        if (parameter->out)
            both++;
        else
            add(&list, say("%s %s%s", argument_name(slot),
                           is_message(slot, TABLE) && slot->required ? "*" : "",
                           go_type(file, slot)));
    }
    for (size_t i = 0; both > 0 && i < call->parameters_count; i++)
        if (is_both_ways(&call->parameters[i]))
            add(&list, say("%s %s%s",
                           argument_name(call->parameters[i].slot),
                           both == 1 ? "..." : "",
                           go_type(file, call->parameters[i].slot)));
    return list;
}

/* The results of one name would shadow an argument of the same. */
static const char *result_name(
    const struct call *call, const struct parameter *result)
{
    const char *name = argument_name(result->slot);

    if (call->has_self && strcmp(receiver_name(call->object), name) == 0)
        return say("%sValue", name);
    return name;
}

static struct list go_results(struct file *file, const struct call *call)
{
    struct list list = { 0 };

    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_result(&call->parameters[i])
                && !is_count(call, &call->parameters[i]))
            add(&list, say("%s %s",
                           result_name(call, &call->parameters[i]),
                           go_type(file, call->parameters[i].slot)));
    return list;
}

static const char *said(const struct list *items)
{
    const char *all = "";

    for (size_t i = 0; i < items->count; i++)
        all = say("%s%s%s", all, i > 0 ? ", " : "", items->items[i]);
    return all;
}

/* Neighbours of one type name it once. */
static const char *said_parameters(const struct list *items)
{
    const char *all = "";

    for (size_t i = 0; i < items->count; i++) {
        const char *item = items->items[i];
        size_t size = strcspn(item, " ");

        if (i + 1 < items->count
                && strcmp(item + size, strchr(items->items[i + 1], ' ')) == 0)
            item = say("%.*s", (int) size, item);
        all = say("%s%s%s", all, i > 0 ? ", " : "", item);
    }
    return all;
}

static const char *signature(struct file *file, const struct call *call)
{
    struct list arguments = go_arguments(file, call);
    struct list results = go_results(file, call);

    if (results.count == 0)
        return say("(%s) error", said_parameters(&arguments));
    return say("(%s) (%s, err error)", said_parameters(&arguments),
               said(&results));
}

static const char *place_name(const struct slot *slot)
{
    return say("%sOut", joined(slot->name.snake, true));
}

static const struct parameter *capacity_of(const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].capacity)
            return &call->parameters[i];
    return NULL;
}

/* Where C writes an output. */
static void put_place(
    struct text *text, const struct call *call,
    const struct parameter *parameter)
{
    const struct slot *slot = parameter->slot;
    const char *name = place_name(slot);
    size_t both = 0;

    for (size_t i = 0; i < call->parameters_count; i++)
        both += is_both_ways(&call->parameters[i]);
    if (is_message(slot, RECORD))
        put(text, "\t$name$ := place$type$(f, $count$)\n",
            "name", name, "type", named_type(slot),
            "count", slot->repeated
                         ? say("int(%s)",
                               argument_name(capacity_of(call)->slot))
                         : "1");
    else if (slot->kind == BYTES && slot->moved)
        put(text, "\t$name$ := f.buffer()\n", "name", name);
    else
        put(text, "\t$name$ := place[$type$](f)\n",
            "name", name, "type", cgo_type(slot));
    if (is_both_ways(parameter))
        put(text, "\t*$name$ = $value$\n", "name", name,
            "value", lowered(slot, first_of(argument_name(slot), both == 1)));
}

/* An output that Go has no use for. */
static bool is_left_out(const struct parameter *parameter)
{
    return !is_spoken(parameter->slot);
}

static const char *place_argument(const struct slot *slot)
{
    if (is_message(slot, RECORD))
        return say(slot->repeated ? "head(%s)" : "&%s[0]", place_name(slot));
    return place_name(slot);
}

static const char *zero_of(const struct slot *slot)
{
    return is_message(slot, HANDLE) ? say("%s{}", cgo_type(slot)) : "nil";
}

static struct list c_arguments(const struct call *call)
{
    struct list list = { 0 };

    if (call->has_self)
        add(&list, say("%s.in(f)", receiver_name(call->object)));
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];
        const struct slot *slot = parameter->slot;

        if (parameter->out)
            add(&list, is_left_out(parameter) ? "nil" : place_argument(slot));
        else if (is_left_out(parameter))
            add(&list, zero_of(slot));
        else if (parameter == default_of(call))
            add(&list, say("%s.in(f)", receiver_name(slot->type->object)));
        else
            add(&list, slot->repeated ? say("%sAt", argument_name(slot))
                                      : lowered(slot, argument_name(slot)));
        if (!parameter->out && slot->repeated)
            add(&list, say("%sCount", argument_name(slot)));
    }
    if (call->async)
        add(&list, "f.completion()");
    if (call->has_error)
        add(&list, "f.lock()");
    return list;
}

static const char *lifted_result(
    const struct call *call, const struct parameter *result)
{
    const struct slot *slot = result->slot;
    const char *place = place_name(slot);
    const char *lender = call->has_self
                             ? say("%s.lent()", receiver_name(call->object))
                             : "object{}";

    if (slot->kind == BYTES && slot->moved)
        return say(slot->text ? "string(take(%s))" : "take(%s)", place);
    if (is_message(slot, HANDLE)
            && (call->role == CREATE || slot->moved)
            && slot->type->object->free != NULL)
        return say("own%s(f, *%s)", named_type(slot), place);
    if (is_message(slot, RECORD) && slot->repeated)
        return say("lifts(%s, %s, lift%s, %s)", place,
                   count_of(call, slot) == NULL
                       ? say("len(%s)", place)
                       : say("int(*%s)", place_name(count_of(call, slot))),
                   named_type(slot), lender);
    if (is_message(slot, RECORD))
        return say("lift%s(&%s[0], %s)", named_type(slot), place, lender);
    return lifted(slot, say("*%s", place), lender);
}

/* What ends a call early is a function of the object itself, or of one that
 * the call was given or has made. */
static const char *canceller(const struct call *call)
{
    const struct call *by = call->canceller;

    if (by->object == call->object)
        return say("%s.%s", receiver_name(call->object), call_name(by));
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct parameter *parameter = &call->parameters[i];

        if (!is_handle_of(parameter->slot, by->object))
            continue;
        if (parameter->out)
            return say("func() error { return statusOf(C.wws_%s(*%s)) }",
                       by->function, place_name(parameter->slot));
        return say("%s.%s", argument_name(parameter->slot), call_name(by));
    }
    return "nil";
}

/* Arrays are two arguments in C and one in Go. */
static void put_arrays(struct text *text, const struct call *call)
{
    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        if (!call->parameters[i].out && slot->repeated)
            put(text, "\t$name$At, $name$Count := $value$\n",
                "name", argument_name(slot),
                "value", lowered(slot, argument_name(slot)));
    }
}

static void put_body(struct file *file, const struct call *call)
{
    struct text *text = &file->text;
    struct list arguments = c_arguments(call);
    struct list results = { 0 };
    bool named = go_results(file, call).count > 0;

    if (call->role == CREATE || call->async)
        put(text,
            "\tif err $is$ $checked$; err != nil {\n"
            "\t\t$return$\n"
            "\t}\n",
            "is", named ? "=" : ":=",
            "checked", call->async ? "begun(ctx)" : "ready()",
            "return", named ? "return" : "return err");
    put(text, "\tf := begin()\n\tdefer f.end()\n");
    put_arrays(text, call);
    for (size_t i = 0; i < call->parameters_count; i++)
        if (call->parameters[i].out && !is_left_out(&call->parameters[i]))
            put_place(text, call, &call->parameters[i]);
    for (size_t i = 0; i < call->parameters_count; i++)
        if (is_result(&call->parameters[i])
                && !is_count(call, &call->parameters[i]))
            add(&results, lifted_result(call, &call->parameters[i]));

    put_filled(text,
               say("\t%sC.wws_%s(",
                   call->async          ? "pending := "
                   : results.count == 0 ? "return f.check("
                                        : "err = f.check(",
                   call->function),
               &arguments, call->async ? ")\n" : "))\n");
    if (call->async)
        put(text, "\t$keep$f.wait(ctx, $canceller$, pending)\n",
            "keep", results.count == 0 ? "return " : "err = ",
            "canceller", canceller(call));
    if (results.count > 0) {
        add(&results, "err");
        put(text, "\treturn $results$\n", "results", said(&results));
    }
    put(text, "}\n");
}

static const char *call_doc(const struct call *call, const char *name)
{
    const char *doc = doc_of(name, call->doc, "returns ", "");

    if (call->async)
        doc = say("%s\n\nIt waits, but holds no thread. When ctx ends first, "
                  "it is ended early, by %s.", doc, of_call(call->canceller));
    if (call->since > 1)
        doc = say("%s Since version %" PRIu32 ".", doc, call->since);
    return doc;
}

/* What is created on a default object is created by a function, too. */
static void put_default_creator(struct file *file, const struct call *call)
{
    const char *name = call_name(call);
    const char *owner =
        exported(default_of(call)->slot->type->object->name.snake);
    struct list arguments = go_arguments(file, call);
    struct list names = { 0 };

    for (size_t i = 0; i < arguments.count; i++)
        add(&names, say("%.*s", (int) strcspn(arguments.items[i], " "),
                        arguments.items[i]));
    put(&file->text, "\n");
    put_words(&file->text, "",
              say("%s It lives on Default%s.", call_doc(call, name), owner));
    put(&file->text,
        "func $name$$signature$ {\n"
        "\treturn Default$owner$.$name$($names$)\n"
        "}\n",
        "name", name, "signature", signature(file, call), "owner", owner,
        "names", said(&names));
}

static void put_method(
    struct file *file, const struct call *call, const struct object *object)
{
    const char *name = call_name(call);
    const char *receiver =
        object == NULL ? ""
                       : say("(%s *%s) ", receiver_name(object),
                             exported(object->name.snake));

    put(&file->text, "\n");
    put_words(&file->text, "", call_doc(call, name));
    put(&file->text, "func $receiver$$name$$signature$ {\n",
        "receiver", receiver, "name", name,
        "signature", signature(file, call));
    put_body(file, call);
}

/* A name as words. */
static const char *spoken(const char *snake)
{
    char *name = say("%s", snake);

    for (char *at = name; *at != '\0'; at++)
        if (*at == '_')
            *at = ' ';
    return name;
}

static void put_free(struct file *file, const struct call *call)
{
    const struct object *object = call->object;

    put(&file->text, "\n");
    put_words(&file->text, "",
              say("%s It may be called again, and is when the %s is collected.",
                  call_doc(call, call_name(call)),
                  spoken(object->name.snake)));
    put(&file->text,
        "func ($receiver$ *$name$) $free$() {\n"
        "\tif $receiver$ != nil {\n"
        "\t\t$receiver$.free()\n"
        "\t}\n"
        "}\n",
        "receiver", receiver_name(object),
        "name", exported(object->name.snake), "free", call_name(call));
}

static void put_object_call(struct file *file, const struct call *call)
{
    if (call->role == FREE) {
        put_free(file, call);
    } else if (call->role != CREATE) {
        put_method(file, call, call->object);
    } else if (default_of(call) == NULL) {
        put_method(file, call, NULL);
    } else {
        put_default_creator(file, call);
        put_method(file, call, default_of(call)->slot->type->object);
    }
}

/* Objects */

static void put_handling(struct text *text, const struct object *object)
{
    const char *name = exported(object->name.snake);
    const char *receiver = receiver_name(object);

    put(text,
        "\n"
        "func ($receiver$ *$name$) in(f *frame) (handle C.wws_$snake$) {\n"
        "\tif $receiver$ != nil {\n"
        "\t\tf.use($receiver$.object)\n"
        "\t\thandle = $receiver$.handle\n"
        "\t}\n"
        "\treturn\n"
        "}\n"
        "\n"
        "func lift$name$(handle C.wws_$snake$, o object) *$name$ {\n"
        "\tif handle.id == 0 {\n"
        "\t\treturn nil\n"
        "\t}\n"
        "\treturn &$name${object: $object$, handle: handle}\n"
        "}\n",
        "receiver", receiver, "name", name, "snake", object->name.snake,
        "object", is_guarded(object) ? "o.guarded()" : "o");
    if (object->free == NULL)
        return;
    put(text,
        "\n"
        "func own$name$(f *frame, handle C.wws_$snake$) *$name$ {\n"
        "\to := object{}\n"
        "\tif handle.id != 0 {\n"
        "\t\to = f.own(func() { C.wws_$free$(handle) })\n"
        "\t}\n"
        "\treturn lift$name$(handle, o)\n"
        "}\n",
        "name", name, "snake", object->name.snake,
        "free", object->free->function);
}

static void put_object(struct file *file, const struct object *object)
{
    struct text *text = &file->text;
    const char *name = exported(object->name.snake);

    put(text, "\n");
    put_type_doc(text, name, object->doc, "stands for ");
    put(text,
        "type $name$ struct {\n"
        "\tobject\n"
        "\thandle C.wws_$snake$\n"
        "}\n",
        "name", name, "snake", object->name.snake);
    if (object->has_default)
        put(text,
            "\n"
            "// Default$name$ is the one that is used where none is named.\n"
            "var Default$name$ = new($name$)\n",
            "name", name);
    for (size_t i = 0; i < object->calls_count; i++)
        put_object_call(file, &object->calls[i]);
    put_handling(text, object);
}

static bool needs_frame(const struct slot *slot)
{
    return slot->repeated || slot->kind == STRING || slot->kind == BYTES
           || slot->kind == MESSAGE;
}

/* Functions without an object give their result back by value. */
static void put_free_function(struct file *file, const struct call *call)
{
    struct text *text = &file->text;
    struct list parameters = go_arguments(file, call);
    struct list arguments = { 0 };
    const char *type = "";
    const char *head = say("\tC.wws_%s(", call->function);
    const char *tail = ")\n";
    bool framed = false;

    for (size_t i = 0; i < call->parameters_count; i++) {
        const struct slot *slot = call->parameters[i].slot;

        if (call->parameters[i].out) {
            type = go_type(file, slot);
            head = say("\treturn %s(C.wws_%s(",
                       slot->kind == STRING ? "C.GoString" : type,
                       call->function);
            tail = "))\n";
            continue;
        }
        framed |= needs_frame(slot);
        add(&arguments, lowered(slot, argument_name(slot)));
    }
    put(text, "\n");
    put_words(text, "", call_doc(call, call_name(call)));
    put(text, "func $name$($parameters$)$space$$type$ {\n",
        "name", call_name(call), "parameters", said_parameters(&parameters),
        "space", *type != '\0' ? " " : "", "type", type);
    if (framed)
        put(text, "\tf := begin()\n\tdefer f.end()\n");
    put_filled(text, head, &arguments, tail);
    put(text, "}\n");
}

static void put_free_functions(struct file *file, const struct object *object)
{
    for (size_t i = 0; i < object->calls_count; i++)
        if (object->calls[i].role != FREE)
            put_free_function(file, &object->calls[i]);
}

/* The whole */

static bool is_of(const char *proto, const char *other)
{
    return strcmp(proto, other) == 0;
}

static void put_type(struct file *file, const struct type *type)
{
    if (type->shape == STRUCT)
        put_struct(file, type);
    else if (type->shape == RECORD && type != go.event)
        put_record(file, type);
    else if (type->shape == TABLE && is_spoken_table(type))
        put_table(file, type);
}

static void fill(struct file *file, const char *proto)
{
    const struct model *model = go.model;

    for (size_t i = 0; i < model->enumerations_count; i++)
        if (is_of(proto, model->enumerations[i].file)
                && is_spoken_enumeration(&model->enumerations[i]))
            put_enumeration(&file->text, &model->enumerations[i]);
    for (size_t i = 0; i < model->structs_count; i++)
        if (is_of(proto, model->structs[i]->file))
            put_type(file, model->structs[i]);
    for (size_t i = 0; i < model->objects_count; i++) {
        const struct object *object = &model->objects[i];

        if (is_of(proto, object->file) && object->free_functions)
            put_free_functions(file, object);
        else if (is_of(proto, object->file) && is_spoken_object(object))
            put_object(file, object);
    }
}

static void emit_file(const char *proto, struct output **outputs)
{
    struct file file = { 0 };
    struct text *text;

    fill(&file, proto);
    if (file.text.size == 0)
        return;
    text = open_output(outputs, file_path(proto));
    put_head(text, say("schema/%s", proto));
    put_imports(text, &file);
    put(text, "$all$", "all", file.text.data);
}

static void add_once(struct list *list, const char *item)
{
    if (!listed(list, item))
        add(list, item);
}

static struct list files(const struct model *model)
{
    struct list list = { 0 };

    for (size_t i = 0; i < model->enumerations_count; i++)
        add_once(&list, model->enumerations[i].file);
    for (size_t i = 0; i < model->structs_count; i++)
        add_once(&list, model->structs[i]->file);
    for (size_t i = 0; i < model->objects_count; i++)
        add_once(&list, model->objects[i].file);
    return list;
}

/* Completions and events are the support's; so is where they come from. */
static void look_around(const struct model *model)
{
    go.model = model;
    go.speech = (struct speech) { of_call, of_value, "Infinite" };
    for (size_t i = 0; model->completion != NULL
                           && i < model->completion->slots_count; i++)
        if (is_message(&model->completion->slots[i], HANDLE))
            go.queue = model->completion->slots[i].type->object;
    for (size_t i = 0; go.queue != NULL && i < go.queue->calls_count; i++) {
        const struct call *call = &go.queue->calls[i];

        for (size_t j = 0; j < call->parameters_count; j++)
            if (is_message(call->parameters[j].slot, RECORD))
                go.event = call->parameters[j].slot->type;
    }
}

static void emit_version(const struct model *model, struct output **outputs)
{
    struct text *text = open_output(outputs, "bindings/go/version.go");

    put_head(text, "the schema");
    put(text,
        "// needed is the version of the interface that this package was"
        " made for.\n"
        "const needed = $version$\n",
        "version", say("%" PRIu32, model->version));
}

void emit_cgo(const struct model *model, struct output **outputs)
{
    struct list list = files(model);

    look_around(model);
    for (size_t i = 0; i < list.count; i++)
        emit_file(list.items[i], outputs);
    emit_callbacks(outputs);
    emit_version(model, outputs);
}
