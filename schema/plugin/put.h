/* Prints text from templates that look like their output: "$name$" stands for
 * the value given after "name".  All strings live until the program exits. */
#ifndef PUT_H
#define PUT_H

#include <stdbool.h>
#include <stddef.h>

enum { COLUMNS = 80 };

struct text {
    char *data; /* ended by a null character; NULL when empty */
    size_t size;
    size_t room;
};

struct list {
    const char **items;
    size_t count;
};

/* Zeroed memory that lives until the program exits. */
void *keep(size_t size);

/* A string made as by printf. */
__attribute__((format(printf, 1, 2))) char *say(const char *format, ...);

void add(struct list *list, const char *item);
bool listed(const struct list *list, const char *item);

/* put(text, template, "name", value, ...) */
#define put(...) put_pairs(__VA_ARGS__, (const char *) NULL)
void put_pairs(struct text *text, const char *template, ...);

/* A comment, for documentation or not, wrapped.  A blank line in the words starts a
 * new paragraph, "- " an entry of a list. */
void put_doc(struct text *text, const char *indent, const char *words);
void put_comment(struct text *text, const char *words);

/* The same for other languages: what stands before the first line, before the
 * others, and behind the last word. */
void put_paragraphs(
    struct text *text,
    const char *first,
    const char *margin,
    const char *words,
    const char *tail);

/* Items between a head and a tail: on one line, or each on a line of its own
 * as in prototypes, or filling lines as in calls. */
void put_prototype(
    struct text *text,
    const char *indent,
    const char *head,
    const struct list *items,
    const char *tail);
void put_call(
    struct text *text,
    const char *head,
    const struct list *items,
    const char *tail);

#endif
