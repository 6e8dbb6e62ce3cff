/* One emitter for each kind of output, and the C spelling that several share.
 * Emitters see the model alone, and rely on what check.c made sure of. */
#ifndef EMITTERS_H
#define EMITTERS_H

#include "model.h"
#include "put.h"

struct output {
    struct output *next;
    const char *path; /* below the folder that protoc was told */
    struct text text;
};

/* A new file to write. */
struct text *open_output(struct output **outputs, const char *path);

void emit_header(const struct model *model, struct output **outputs);
void emit_veneer(const struct model *model, struct output **outputs);
void emit_symbols(const struct model *model, struct output **outputs);
void emit_cdef(const struct model *model, struct output **outputs);
void emit_cffi(const struct model *model, struct output **outputs);
void emit_cgo(const struct model *model, struct output **outputs);
void emit_rust(const struct model *model, struct output **outputs);

/* How another language calls what comments call by its C name. */
struct speech {
    const char *(*of_call)(const struct call *call);
    const char *(*of_value)(
        const struct enumeration *enumeration, const struct value *value);
    const char *infinite; /* WWS_INFINITE */
};

/* A comment in that language. */
const char *in_speech(
    const struct model *model, const char *words, const struct speech *speech);

/* The C interface, as header.c spells it */

/* The comment that opens a generated file: where it comes from, what it is. */
void put_origin(
    struct text *text, const struct list *files, const char *what);
struct list files_of_calls(const struct model *model);
struct list files_of_types(const struct model *model);

/* "wws_string", "const wws_channel_options *", as far as the name. */
const char *c_type(const struct slot *slot);
const char *c_result(const struct call *call);
struct list c_parameters(const struct call *call);
const char *c_head(const struct call *call);

/* All types, with comments, sizes and initialisers or as bare declarations. */
void put_types(struct text *text, const struct model *model, bool bare);

/* The whole interface, bare, for foreign function interfaces. */
void put_declarations(struct text *text, const struct model *model);

/* The versions in which a struct grew, oldest first. */
struct list size_macros(const struct type *type);

#endif
