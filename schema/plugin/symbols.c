/* Emits capi/wws.map: what the shared library exports, a node for each version
 * of the interface. */
#include "emitters.h"

#include <inttypes.h>

static uint32_t since_of(const struct call *call)
{
    return call->since > call->object->since ? call->since
                                             : call->object->since;
}

static struct list symbols_since(const struct model *model, uint32_t version)
{
    struct list symbols = { 0 };

    for (size_t i = 0; i < model->objects_count; i++)
        for (size_t j = 0; j < model->objects[i].calls_count; j++)
            if (since_of(&model->objects[i].calls[j]) == version)
                add(&symbols, model->objects[i].calls[j].function);
    return symbols;
}

void emit_symbols(const struct model *model, struct output **outputs)
{
    struct text *text = open_output(outputs, "capi/wws.map");
    struct list files = files_of_calls(model);
    uint32_t before = 0;

    put_origin(text, &files, "All that the shared library exports.");
    for (uint32_t version = 1; version <= model->version; version++) {
        struct list symbols = symbols_since(model, version);

        if (symbols.count == 0)
            continue;
        put(text, "WWS_$version$ {\nglobal:\n",
            "version", say("%" PRIu32, version));
        for (size_t i = 0; i < symbols.count; i++)
            put(text, "    wws_$symbol$;\n", "symbol", symbols.items[i]);
        if (before == 0)
            put(text, "local:\n    *;\n};\n");
        else
            put(text, "} WWS_$before$;\n",
                "before", say("%" PRIu32, before));
        before = version;
    }
}
