/* Says in another language what a comment of the schema says in C's. */
#include "emitters.h"

#include <string.h>

static bool is_word(char character)
{
    return strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                  "0123456789_", character) != NULL && character != '\0';
}

static bool is(const char *word, size_t size, const char *name)
{
    return strlen(name) == size && memcmp(word, name, size) == 0;
}

static const char *function_in(
    const struct model *model,
    const char *word,
    size_t size,
    const struct speech *speech)
{
    static const char prefix[] = "wws_";
    size_t skip = sizeof prefix - 1;

    if (size <= skip || memcmp(word, prefix, skip) != 0)
        return NULL;
    for (size_t i = 0; i < model->objects_count; i++)
        for (size_t j = 0; j < model->objects[i].calls_count; j++)
            if (is(word + skip, size - skip,
                   model->objects[i].calls[j].function))
                return speech->of_call(&model->objects[i].calls[j]);
    return NULL;
}

static const char *constant_in(
    const struct model *model,
    const char *word,
    size_t size,
    const struct speech *speech)
{
    if (is(word, size, "WWS_INFINITE"))
        return speech->infinite;
    for (size_t i = 0; i < model->enumerations_count; i++)
        for (size_t j = 0; j < model->enumerations[i].values_count; j++)
            if (is(word, size, model->enumerations[i].values[j].constant))
                return speech->of_value(&model->enumerations[i],
                                        &model->enumerations[i].values[j]);
    return NULL;
}

const char *in_speech(
    const struct model *model, const char *words, const struct speech *speech)
{
    struct text text = { 0 };

    while (*words != '\0') {
        size_t size = 0;
        const char *other;

        while (is_word(words[size]))
            size++;
        other = function_in(model, words, size, speech);
        if (other != NULL && strncmp(words + size, "()", 2) == 0)
            size += 2;
        if (other == NULL)
            other = constant_in(model, words, size, speech);
        if (other == NULL && size == 0)
            size = 1;
        if (other == NULL)
            other = say("%.*s", (int) size, words);
        put(&text, "$other$", "other", other);
        words += size;
    }
    return text.size > 0 ? text.data : "";
}
