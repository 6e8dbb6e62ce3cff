/* The plugin: protoc hands it the schema on standard input and writes to disk
 * what it answers on standard output.  --wws_opt takes names of emitters, all
 * of them by default, and released=FILE for each released descriptor set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <google/protobuf/compiler/plugin.pb-c.h>

#include "check.h"
#include "emitters.h"
#include "options.h"

typedef Google__Protobuf__Compiler__CodeGeneratorRequest request_message;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse response_message;
typedef Google__Protobuf__Compiler__CodeGeneratorResponse__File file_message;

static const struct emitter {
    const char *name;
    void (*emit)(const struct model *model, struct output **outputs);
} emitters[] = {
    { "header", emit_header },
    { "veneer", emit_veneer },
    { "symbols", emit_symbols },
    { "cdef", emit_cdef },
    { "cffi", emit_cffi },
    { "cgo", emit_cgo },
    { "rust", emit_rust },
};

enum { EMITTERS = sizeof emitters / sizeof *emitters };

struct command {
    bool chosen[EMITTERS];
    bool any_chosen;
    struct list released; /* paths */
};

struct bytes {
    uint8_t *data;
    size_t size;
};

struct text *open_output(struct output **outputs, const char *path)
{
    struct output *output = keep(sizeof *output);

    while (*outputs != NULL)
        outputs = &(*outputs)->next;
    *outputs = output;
    output->path = path;
    return &output->text;
}

static bool read_all(FILE *file, struct bytes *bytes)
{
    size_t room = 1 << 16;
    size_t got;

    bytes->data = keep(room);
    bytes->size = 0;
    while ((got = fread(bytes->data + bytes->size, 1, room - bytes->size,
                        file)) > 0) {
        bytes->size += got;
        if (bytes->size == room) {
            uint8_t *grown = keep(2 * room);

            memcpy(grown, bytes->data, bytes->size);
            bytes->data = grown;
            room *= 2;
        }
    }
    return !ferror(file);
}

/* One word of --wws_opt. */
static void read_word(
    struct command *command, const char *word, struct text *refusals)
{
    static const char released[] = "released=";

    if (strncmp(word, released, sizeof released - 1) == 0) {
        add(&command->released, word + sizeof released - 1);
        return;
    }
    for (size_t i = 0; i < EMITTERS; i++)
        if (strcmp(emitters[i].name, word) == 0) {
            command->chosen[i] = true;
            command->any_chosen = true;
            return;
        }
    put(refusals, "option: $word$: is neither an emitter nor released=FILE\n",
        "word", word);
}

static void read_command(
    struct command *command, const char *parameter, struct text *refusals)
{
    while (parameter != NULL && *parameter != '\0') {
        size_t size = strcspn(parameter, ",");

        read_word(command, say("%.*s", (int) size, parameter), refusals);
        parameter += size + (parameter[size] == ',');
    }
}

static void check_with(
    const struct model *model, const char *path, struct text *refusals)
{
    Google__Protobuf__FileDescriptorSet *set = NULL;
    struct bytes bytes = { 0 };
    FILE *file = fopen(path, "rb");

    if (file != NULL && read_all(file, &bytes))
        set = google__protobuf__file_descriptor_set__unpack(
            &unpacked, bytes.size, bytes.data);
    if (file != NULL)
        fclose(file);
    if (set == NULL)
        put(refusals, "$path$: released: is no descriptor set\n",
            "path", path);
    else
        check_released(model, model_of(set->file, set->n_file), refusals);
}

static void emit(
    const struct model *model,
    const struct command *command,
    struct output **outputs)
{
    for (size_t i = 0; i < EMITTERS; i++)
        if (command->chosen[i] || !command->any_chosen)
            emitters[i].emit(model, outputs);
}

static void add_file(response_message *response, const struct output *output)
{
    file_message *file = keep(sizeof *file);

    google__protobuf__compiler__code_generator_response__file__init(file);
    file->name = (char *) output->path;
    file->content = output->text.data;
    response->file[response->n_file++] = file;
}

static bool answer(const struct output *outputs, const struct text *refusals)
{
    response_message response =
        GOOGLE__PROTOBUF__COMPILER__CODE_GENERATOR_RESPONSE__INIT;
    size_t count = 0;
    size_t size;
    uint8_t *bytes;

    for (const struct output *at = outputs; at != NULL; at = at->next)
        count++;
    response.file = keep((count + 1) * sizeof *response.file);
    for (const struct output *at = outputs; at != NULL; at = at->next)
        add_file(&response, at);
    if (refusals->size > 0)
        response.error = say("refused\n%s", refusals->data);
    size = google__protobuf__compiler__code_generator_response__get_packed_size(
        &response);
    bytes = keep(size);
    google__protobuf__compiler__code_generator_response__pack(&response,
                                                              bytes);
    return fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0;
}

int main(void)
{
    struct command command = { 0 };
    struct text refusals = { 0 };
    struct output *outputs = NULL;
    const struct model *model;
    request_message *request;
    struct bytes bytes;

    if (!read_all(stdin, &bytes))
        return EXIT_FAILURE;
    request = google__protobuf__compiler__code_generator_request__unpack(
        &unpacked, bytes.size, bytes.data);
    if (request == NULL) {
        fputs("wws-schema: is run by protoc --wws_out=FOLDER\n", stderr);
        return EXIT_FAILURE;
    }

    read_command(&command, request->parameter, &refusals);
    model = model_of(request->proto_file, request->n_proto_file);
    check(model, &refusals);
    for (size_t i = 0; i < command.released.count; i++)
        check_with(model, command.released.items[i], &refusals);
    if (refusals.size == 0)
        emit(model, &command, &outputs);
    return answer(outputs, &refusals) ? EXIT_SUCCESS : EXIT_FAILURE;
}
