/* Emits capi/wws.cdef: the interface as declarations without a preprocessor,
 * for programs that load the library through a foreign function interface. */
#include "emitters.h"

/* As in wws/base.h, which is written by hand. */
static void put_base(struct text *text)
{
    put(text,
        "typedef struct wws_string {\n"
        "    const char *data;\n"
        "    size_t size;\n"
        "} wws_string;\n"
        "\n"
        "typedef struct wws_bytes {\n"
        "    const void *data;\n"
        "    size_t size;\n"
        "} wws_bytes;\n"
        "\n"
        "typedef struct wws_buffer {\n"
        "    const void *data;\n"
        "    size_t size;\n"
        "    void *owner;\n"
        "    void (*release)(void *owner);\n"
        "} wws_buffer;\n"
        "\n");
}

void put_declarations(struct text *text, const struct model *model)
{
    put_base(text);
    put_types(text, model, true);
    for (size_t i = 0; i < model->objects_count; i++)
        for (size_t j = 0; j < model->objects[i].calls_count; j++) {
            const struct call *call = &model->objects[i].calls[j];
            struct list parameters = c_parameters(call);

            put_prototype(text, "", c_head(call), &parameters, ");\n");
        }
}

void emit_cdef(const struct model *model, struct output **outputs)
{
    struct text *text = open_output(outputs, "capi/wws.cdef");
    struct list files = files_of_types(model);

    put_origin(text, &files, "All declarations of the interface, for foreign "
                             "function interfaces; see wws/wws.h.");
    put(text, "\n");
    put_declarations(text, model);
}
