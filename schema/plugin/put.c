/* Templates, wrapping, and the memory behind all strings, which is given back
 * by exiting: a generator is over before it could run short. */
#include "put.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 1 << 16 };

struct block {
    struct block *next;
    max_align_t memory[];
};

static struct {
    struct block *blocks;
    size_t used;
    size_t room;
} arena;

static void out_of_memory(void)
{
    fputs("wws-schema: out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

void *keep(size_t size)
{
    size_t aligned = (size + sizeof(max_align_t) - 1)
                     & ~(sizeof(max_align_t) - 1);
    char *memory;

    if (aligned > arena.room - arena.used) {
        size_t room = aligned > BLOCK_SIZE ? aligned : BLOCK_SIZE;
        struct block *block = calloc(1, sizeof *block + room);

        if (block == NULL)
            out_of_memory();
        block->next = arena.blocks;
        arena.blocks = block;
        arena.used = 0;
        arena.room = room;
    }
    memory = (char *) arena.blocks->memory + arena.used;
    arena.used += aligned;
    return memory;
}

char *say(const char *format, ...)
{
    va_list arguments;
    int size;
    char *string;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    string = keep((size_t) size + 1);
    va_start(arguments, format);
    vsnprintf(string, (size_t) size + 1, format, arguments);
    va_end(arguments);
    return string;
}

void add(struct list *list, const char *item)
{
    /* Room doubles whenever the count is a power of two. */
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count == 0 ? 1 : 2 * list->count;
        const char **items = keep(room * sizeof *items);

        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
    }
    list->items[list->count++] = item;
}

bool listed(const struct list *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i], item) == 0)
            return true;
    return false;
}

static void append(struct text *text, const char *data, size_t size)
{
    if (size >= text->room - text->size) {
        size_t room = 2 * (text->size + size) + 64;
        char *grown = keep(room);

        if (text->size > 0)
            memcpy(grown, text->data, text->size);
        text->data = grown;
        text->room = room;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

/* The value that goes with a name of a template; a template that asks for a
 * name nobody gave is a mistake in the emitter, and found by its first run. */
static const char *value_of(const char *name, size_t size, va_list pairs)
{
    const char *known;

    while ((known = va_arg(pairs, const char *)) != NULL) {
        const char *value = va_arg(pairs, const char *);

        if (strlen(known) == size && memcmp(known, name, size) == 0)
            return value;
    }
    fprintf(stderr, "wws-schema: no value for $%.*s$\n", (int) size, name);
    exit(EXIT_FAILURE);
}

void put_pairs(struct text *text, const char *template, ...)
{
    const char *at = template;
    const char *name;

    while ((name = strchr(at, '$')) != NULL) {
        size_t size = strcspn(name + 1, "$");
        const char *value;
        va_list pairs;

        append(text, at, (size_t) (name - at));
        va_start(pairs, template);
        value = value_of(name + 1, size, pairs);
        va_end(pairs);
        append(text, value, strlen(value));
        at = name + size + 2;
    }
    append(text, at, strlen(at));
}

struct wrap {
    struct text *text;
    const char *margin; /* before the words of each line but the first */
    const char *tail;   /* behind the last word */
    size_t column;
    bool fresh; /* nothing on this line yet */
};

/* The margin of a line without words. */
static const char *bare(const char *margin)
{
    size_t size = strlen(margin);

    while (size > 0 && margin[size - 1] == ' ')
        size--;
    return say("%.*s", (int) size, margin);
}

static void wrap_break(struct wrap *wrap, bool paragraph)
{
    if (paragraph)
        put(wrap->text, "\n$margin$", "margin", bare(wrap->margin));
    put(wrap->text, "\n$margin$", "margin", wrap->margin);
    wrap->column = strlen(wrap->margin);
    wrap->fresh = true;
}

/* Puts a word behind so many spaces, or on a new line.  Room is kept for the
 * tail behind the last word. */
static void wrap_word(
    struct wrap *wrap,
    const char *word,
    size_t size,
    size_t spaces,
    bool last)
{
    size_t end = wrap->column + spaces + size
                 + (last ? strlen(wrap->tail) : 0);

    if (!wrap->fresh && end > COLUMNS)
        wrap_break(wrap, false);
    if (wrap->fresh)
        spaces = 0;
    append(wrap->text, "  ", spaces);
    append(wrap->text, word, size);
    wrap->column += spaces + size;
    wrap->fresh = false;
}

/* The margin of the first line is there already. */
static void put_wrapped(
    struct text *text,
    const char *margin,
    const char *words,
    const char *tail)
{
    struct wrap wrap = { text, margin, tail, strlen(margin), true };
    size_t spaces = 0;

    while (*words != '\0') {
        size_t size = strcspn(words, " \n");
        const char *next = words + size + strspn(words + size, " \n");
        size_t gap = (size_t) (next - words) - size;
        size_t newlines = 0;

        wrap_word(&wrap, words, size, spaces, *next == '\0');
        for (size_t i = 0; i < gap; i++)
            newlines += words[size + i] == '\n';
        spaces = newlines > 0 ? words[size - 1] == '.' : gap > 1;
        spaces++;
        if (*next != '\0' && newlines > 1)
            wrap_break(&wrap, true);
        else if (newlines == 1 && strncmp(next, "- ", 2) == 0)
            wrap_break(&wrap, false);
        words = next;
    }
    put(text, "$tail$\n", "tail", tail);
}

void put_doc(struct text *text, const char *indent, const char *words)
{
    put(text, "$indent$/** ", "indent", indent);
    put_wrapped(text, say("%s *  ", indent), words, " */");
}

void put_comment(struct text *text, const char *words)
{
    put(text, "/* ");
    put_wrapped(text, " * ", words, " */");
}

void put_paragraphs(
    struct text *text,
    const char *first,
    const char *margin,
    const char *words,
    const char *tail)
{
    put(text, "$first$", "first", first);
    put_wrapped(text, margin, words, tail);
}

static size_t joined_size(const struct list *items)
{
    size_t size = 0;

    for (size_t i = 0; i < items->count; i++)
        size += strlen(items->items[i]) + (i > 0 ? 2 : 0);
    return size;
}

static void put_joined(struct text *text, const struct list *items)
{
    for (size_t i = 0; i < items->count; i++)
        put(text, i > 0 ? ", $item$" : "$item$", "item", items->items[i]);
}

void put_prototype(
    struct text *text,
    const char *indent,
    const char *head,
    const struct list *items,
    const char *tail)
{
    size_t whole = strlen(indent) + strlen(head) + joined_size(items)
                   + strcspn(tail, "\n");

    put(text, "$indent$$head$", "indent", indent, "head", head);
    if (whole <= COLUMNS) {
        put_joined(text, items);
    } else {
        for (size_t i = 0; i < items->count; i++)
            put(text, i > 0 ? ",\n$indent$    $item$" : "\n$indent$    $item$",
                "indent", indent, "item", items->items[i]);
    }
    put(text, "$tail$", "tail", tail);
}

/* Continuation lines start below the first argument. */
void put_call(
    struct text *text,
    const char *head,
    const struct list *items,
    const char *tail)
{
    size_t start = strlen(head);
    size_t column = start;

    put(text, "$head$", "head", head);
    for (size_t i = 0; i < items->count; i++) {
        bool last = i + 1 == items->count;
        size_t size = strlen(items->items[i])
                      + (last ? strcspn(tail, "\n") : 1);

        if (i > 0 && column + 1 + size > COLUMNS) {
            put(text, "\n$margin$", "margin", say("%*s", (int) start, ""));
            column = start;
        } else if (i > 0) {
            put(text, " ");
            column++;
        }
        put(text, last ? "$item$" : "$item$,", "item", items->items[i]);
        column += size;
    }
    put(text, "$tail$", "tail", tail);
}
