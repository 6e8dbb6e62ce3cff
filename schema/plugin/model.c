/* Descriptors become the model, in two passes: first everything that has a
 * name, then what refers to it.  Nothing is judged here, see check.c: a
 * reference that leads nowhere stays NULL. */
#include "model.h"

#include <ctype.h>
#include <string.h>

#include "options.h"
#include "put.h"

typedef Google__Protobuf__FileDescriptorProto file_descriptor;
typedef Google__Protobuf__DescriptorProto message_descriptor;
typedef Google__Protobuf__FieldDescriptorProto field_descriptor;
typedef Google__Protobuf__EnumDescriptorProto enum_descriptor;
typedef Google__Protobuf__ServiceDescriptorProto service_descriptor;
typedef Google__Protobuf__MethodDescriptorProto method_descriptor;

/* The fields of FileDescriptorProto, DescriptorProto and so on that lead to a
 * thing with a comment. */
enum { FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6, INNER = 2 };

bool is_struct(const struct type *type)
{
    return type->shape == STRUCT || type->shape == TABLE
           || type->shape == RECORD;
}

bool is_message(const struct slot *slot, enum shape shape)
{
    return slot->kind == MESSAGE && slot->type != NULL
           && slot->type->shape == shape;
}

bool is_record_output(const struct parameter *parameter)
{
    return parameter->out && is_message(parameter->slot, RECORD);
}

/* Names */

static bool starts_word(const char *name, size_t at)
{
    if (at == 0 || !isupper((unsigned char) name[at]))
        return false;
    return !isupper((unsigned char) name[at - 1])
           || islower((unsigned char) name[at + 1]);
}

/* The words of a name in any form, in lower case, with '_' between them. */
static const char *snake_of(const char *name)
{
    size_t size = strlen(name);
    bool shouts = strpbrk(name, "abcdefghijklmnopqrstuvwxyz") == NULL;
    char *snake = keep(2 * size + 1);
    char *at = snake;

    for (size_t i = 0; i < size; i++) {
        if (!shouts && starts_word(name, i) && name[i - 1] != '_')
            *at++ = '_';
        *at++ = (char) tolower((unsigned char) name[i]);
    }
    return snake;
}

static const char *joined_words(const char *snake, bool first_upper)
{
    char *joined = keep(strlen(snake) + 1);
    char *at = joined;
    bool upper = first_upper;

    for (; *snake != '\0'; snake++) {
        if (*snake == '_')
            upper = true;
        else
            *at++ = (char) (upper ? toupper((unsigned char) *snake) : *snake);
        if (*snake != '_')
            upper = false;
    }
    return joined;
}

static const char *upper_of(const char *snake)
{
    char *upper = keep(strlen(snake) + 1);

    for (size_t i = 0; snake[i] != '\0'; i++)
        upper[i] = (char) toupper((unsigned char) snake[i]);
    return upper;
}

static struct name name_of(const char *name)
{
    const char *snake = snake_of(name);
    struct name forms = {
        .pascal = joined_words(snake, true),
        .camel = joined_words(snake, false),
        .snake = snake,
        .upper = upper_of(snake),
    };

    return forms;
}

/* Comments */

/* A comment without the space in front of each line and without the last end
 * of line. */
static const char *cleaned(const char *comment)
{
    char *clean = keep(strlen(comment) + 1);
    char *at = clean;
    bool line_start = true;

    for (; *comment != '\0'; comment++) {
        if (!(line_start && *comment == ' '))
            *at++ = *comment;
        line_start = *comment == '\n';
    }
    while (at > clean && isspace((unsigned char) at[-1]))
        *--at = '\0';
    return at > clean ? clean : NULL;
}

static const char *doc_at(
    const file_descriptor *file, const int32_t *path, size_t size)
{
    const Google__Protobuf__SourceCodeInfo *info = file->source_code_info;

    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *location =
            info->location[i];

        if (location->n_path != size
                || memcmp(location->path, path, size * sizeof *path) != 0)
            continue;
        if (location->leading_comments != NULL)
            return cleaned(location->leading_comments);
        if (location->trailing_comments != NULL)
            return cleaned(location->trailing_comments);
    }
    return NULL;
}

static const char *outer_doc(const file_descriptor *file, int field, size_t i)
{
    return doc_at(file, (int32_t[]) { field, (int32_t) i }, 2);
}

static const char *inner_doc(
    const file_descriptor *file, int field, size_t i, size_t j)
{
    return doc_at(file, (int32_t[]) { field, (int32_t) i, INNER, (int32_t) j },
                  4);
}

/* First pass: everything that has a name */

static bool is_ours(const file_descriptor *file)
{
    const char *package = file->package != NULL ? file->package : "";

    return strcmp(package, "wws") == 0 || strcmp(package, "wws.handle") == 0;
}

static const char *full_name(const file_descriptor *file, const char *name)
{
    return say(".%s.%s", file->package, name);
}

static const char *where(const file_descriptor *file, const char *name)
{
    return say("%s: %s", file->name, name);
}

static enum kind kind_of(const field_descriptor *field)
{
    switch (field->type) {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL:
        return BOOL;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32:
        return INT32;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32:
        return UINT32;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64:
        return INT64;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64:
        return UINT64;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE:
        return DOUBLE;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING:
        return STRING;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES:
        return BYTES;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_ENUM:
        return ENUMERATION;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_MESSAGE:
        return MESSAGE;
    default:
        return UNSUPPORTED;
    }
}

static void read_slot(
    struct slot *slot, const struct type *type, const field_descriptor *field)
{
    const Wws__Abi__Slot *option = slot_option(field->options);

    slot->name = name_of(field->name);
    slot->where = say("%s.%s", type->where, field->name);
    slot->kind = kind_of(field);
    slot->number = field->number;
    slot->required = field->label
        == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED;
    slot->repeated = field->label
        == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    slot->value = field->default_value;
    slot->lifetime = (enum lifetime) option->lifetime;
    slot->moved = option->moved;
    slot->pointer = option->pointer;
    slot->text = option->text;
    slot->since = option->since;
}

static void read_type(
    struct type *type, const file_descriptor *file, size_t index)
{
    const message_descriptor *message = file->message_type[index];
    const Wws__Abi__Type *option = type_option(message->options);

    type->name = name_of(message->name);
    type->full_name = full_name(file, message->name);
    type->where = where(file, message->name);
    type->file = file->name;
    type->doc = outer_doc(file, FILE_MESSAGE, index);
    type->shape = (enum shape) option->shape;
    type->since = option->since;
    type->nests = message->n_nested_type + message->n_enum_type
                  + message->n_oneof_decl + message->n_extension_range > 0;
    type->slots = keep(message->n_field * sizeof *type->slots);
    type->slots_count = message->n_field;
    for (size_t i = 0; i < message->n_field; i++) {
        read_slot(&type->slots[i], type, message->field[i]);
        type->slots[i].doc = inner_doc(file, FILE_MESSAGE, index, i);
    }
}

/* Values of the status are named as they stand; others repeat the name of
 * their enum, which languages with scopes leave out. */
static void read_value(
    struct value *value,
    const struct enumeration *enumeration,
    const Google__Protobuf__EnumValueDescriptorProto *descriptor)
{
    const char *prefix = say("%s_", enumeration->is_status
                                        ? "WWS" : enumeration->name.upper);
    size_t size = strlen(prefix);
    bool repeats = strncmp(descriptor->name, prefix, size) == 0;

    value->name = descriptor->name;
    value->constant = enumeration->is_status ? descriptor->name
                                             : say("WWS_%s", descriptor->name);
    value->short_name = name_of(descriptor->name + (repeats ? size : 0));
    value->number = descriptor->number;
    value->since = mark_option(descriptor->options)->since;
}

static void read_enumeration(
    struct enumeration *enumeration, const file_descriptor *file, size_t index)
{
    const enum_descriptor *descriptor = file->enum_type[index];

    enumeration->name = name_of(descriptor->name);
    enumeration->full_name = full_name(file, descriptor->name);
    enumeration->where = where(file, descriptor->name);
    enumeration->file = file->name;
    enumeration->doc = outer_doc(file, FILE_ENUM, index);
    enumeration->is_status = strcmp(descriptor->name, "Status") == 0;
    enumeration->aliases = descriptor->options != NULL
                           && descriptor->options->allow_alias;
    enumeration->values =
        keep(descriptor->n_value * sizeof *enumeration->values);
    enumeration->values_count = descriptor->n_value;
    for (size_t i = 0; i < descriptor->n_value; i++) {
        read_value(&enumeration->values[i], enumeration, descriptor->value[i]);
        enumeration->values[i].doc = inner_doc(file, FILE_ENUM, index, i);
    }
}

static void read_call(
    struct call *call,
    const struct object *object,
    const method_descriptor *method)
{
    const Wws__Abi__Call *option = call_option(method->options);
    bool is_error = strcmp(object->full_name, ".wws.Error") == 0;

    call->name = name_of(method->name);
    call->function = object->free_functions
        ? call->name.snake
        : say("%s_%s", object->name.snake, call->name.snake);
    call->where = say("%s.%s", object->where, method->name);
    call->role = (enum role) option->role;
    call->async = option->async;
    call->cancelled_by = option->cancelled_by;
    call->any_thread = option->any_thread;
    call->may_end = option->may_end;
    call->since = option->since;
    call->object = object;
    call->streams = method->client_streaming || method->server_streaming;
    call->has_self = call->role != CREATE && !object->free_functions;
    call->has_error = call->role != FREE && call->role != CANCEL && !is_error
                      && !object->free_functions;
}

static void read_object(
    struct object *object, const file_descriptor *file, size_t index)
{
    const service_descriptor *service = file->service[index];
    const Wws__Abi__Object *option = object_option(service->options);

    object->name = name_of(service->name);
    object->full_name = full_name(file, service->name);
    object->where = where(file, service->name);
    object->file = file->name;
    object->doc = outer_doc(file, FILE_SERVICE, index);
    object->borrowed = option->borrowed;
    object->free_functions = option->free_functions;
    object->has_default = option->has_default;
    object->since = option->since;
    object->calls = keep(service->n_method * sizeof *object->calls);
    object->calls_count = service->n_method;
    for (size_t i = 0; i < service->n_method; i++) {
        struct call *call = &object->calls[i];

        read_call(call, object, service->method[i]);
        call->doc = inner_doc(file, FILE_SERVICE, index, i);
        if (call->role == FREE && !object->free_functions)
            object->free = call;
    }
}

static void read_file(struct model *model, const file_descriptor *file)
{
    for (size_t i = 0; i < file->n_message_type; i++)
        read_type(&model->types[model->types_count++], file, i);
    for (size_t i = 0; i < file->n_enum_type; i++)
        read_enumeration(&model->enumerations[model->enumerations_count++],
                         file, i);
    for (size_t i = 0; i < file->n_service; i++)
        read_object(&model->objects[model->objects_count++], file, i);
}

/* Second pass: references */

static const struct type *find_type(
    const struct model *model, const char *full_name)
{
    for (size_t i = 0; i < model->types_count; i++)
        if (strcmp(model->types[i].full_name, full_name) == 0)
            return &model->types[i];
    return NULL;
}

static const struct enumeration *find_enumeration(
    const struct model *model, const char *full_name)
{
    for (size_t i = 0; i < model->enumerations_count; i++)
        if (strcmp(model->enumerations[i].full_name, full_name) == 0)
            return &model->enumerations[i];
    return NULL;
}

static const struct object *find_object(
    const struct model *model, const char *full_name)
{
    for (size_t i = 0; i < model->objects_count; i++)
        if (strcmp(model->objects[i].full_name, full_name) == 0)
            return &model->objects[i];
    return NULL;
}

static const struct call *find_call(
    const struct model *model, const char *dotted)
{
    for (size_t i = 0; i < model->objects_count; i++) {
        const struct object *object = &model->objects[i];

        for (size_t j = 0; j < object->calls_count; j++) {
            const struct call *call = &object->calls[j];

            if (strcmp(dotted, say("%s.%s", object->name.pascal,
                                   call->name.pascal)) == 0)
                return call;
        }
    }
    return NULL;
}

static void link_type(
    const struct model *model,
    struct type *type,
    const message_descriptor *message)
{
    if (type->shape == HANDLE)
        type->object = find_object(model, say(".wws.%s", message->name));
    for (size_t i = 0; i < type->slots_count; i++) {
        struct slot *slot = &type->slots[i];

        if (slot->kind == MESSAGE)
            slot->type = find_type(model, message->field[i]->type_name);
        if (slot->kind == ENUMERATION)
            slot->enumeration =
                find_enumeration(model, message->field[i]->type_name);
        if (type->shape == CALLBACK && slot->kind == ENUMERATION
                && strcmp(slot->name.snake, "result") == 0
                && slot->enumeration != NULL && slot->enumeration->is_status)
            type->result = slot;
    }
}

/* An rpc may give back a bare handle: the parameter is named as its object. */
static const struct slot *handle_slot(
    const struct type *handle, const char *where)
{
    struct slot *slot = keep(sizeof *slot);

    slot->name = handle->name;
    slot->where = where;
    slot->kind = MESSAGE;
    slot->type = handle;
    slot->required = true;
    slot->lifetime = FOR_COMPLETION;
    slot->number = 1;
    slot->since = 1;
    return slot;
}

static const struct slot *slot_named(const struct type *type, const char *name)
{
    for (size_t i = 0; type != NULL && i < type->slots_count; i++)
        if (strcmp(type->slots[i].name.snake, name) == 0)
            return &type->slots[i];
    return NULL;
}

static struct parameter *add_parameter(
    struct call *call, const struct slot *slot)
{
    struct parameter *parameter = &call->parameters[call->parameters_count++];

    parameter->slot = slot;
    parameter->required = slot->required;
    if (is_message(slot, HANDLE) && slot->type->object != NULL)
        parameter->has_default = slot->type->object->has_default;
    return parameter;
}

/* Records that an input "capacity" or "<name>_capacity" makes room for. */
static void mark_capacity(struct call *call, const struct slot *records)
{
    const char *own = say("%s_capacity", records->name.snake);

    for (size_t i = 0; i < call->parameters_count; i++) {
        struct parameter *parameter = &call->parameters[i];
        const char *name = parameter->slot->name.snake;

        if (parameter->in && !parameter->out
                && (strcmp(name, "capacity") == 0 || strcmp(name, own) == 0))
            parameter->capacity = true;
    }
}

static void add_outputs(struct call *call)
{
    const struct type *response = call->response;

    for (size_t i = 0; i < response->slots_count; i++) {
        const struct slot *slot = &response->slots[i];
        const struct slot *given =
            slot_named(call->request, slot->name.snake);
        struct parameter *parameter = add_parameter(call, slot);

        parameter->out = true;
        parameter->in = given != NULL;
        parameter->required |= slot->repeated
                               || (given != NULL && given->required);
        if (slot->repeated)
            mark_capacity(call, slot);
    }
}

static void link_call(
    const struct model *model,
    struct call *call,
    const method_descriptor *method)
{
    size_t room = 1;

    call->request = find_type(model, method->input_type);
    call->response = find_type(model, method->output_type);
    if (call->cancelled_by != NULL)
        call->canceller = find_call(model, call->cancelled_by);
    if (call->request == NULL || call->response == NULL)
        return;

    room += call->request->slots_count + call->response->slots_count;
    call->parameters = keep(room * sizeof *call->parameters);
    for (size_t i = 0; i < call->request->slots_count; i++) {
        const struct slot *slot = &call->request->slots[i];

        if (slot_named(call->response, slot->name.snake) == NULL)
            add_parameter(call, slot)->in = true;
    }
    if (call->response->shape == HANDLE)
        add_parameter(call, handle_slot(call->response, call->where))->out =
            true;
    else
        add_outputs(call);
}

static void link_file(
    struct model *model, const file_descriptor *file, struct model *at)
{
    for (size_t i = 0; i < file->n_message_type; i++)
        link_type(model, &at->types[at->types_count++],
                  file->message_type[i]);
    for (size_t i = 0; i < file->n_service; i++) {
        struct object *object = &at->objects[at->objects_count++];
        const service_descriptor *service = file->service[i];

        if (!object->free_functions)
            object->handle = find_type(
                model, say(".wws.handle.%s", service->name));
        for (size_t j = 0; j < service->n_method; j++)
            link_call(model, &object->calls[j], service->method[j]);
    }
}

/* Order */

/* Puts a struct behind those it mentions.  A struct met again before it is
 * done contains itself. */
static void place_struct(
    struct model *model, const struct type *type, unsigned char *marks)
{
    enum { NEW, BEGUN, DONE };
    size_t index = (size_t) (type - model->types);

    if (marks[index] == BEGUN)
        model->cycle = type->where;
    if (marks[index] != NEW)
        return;
    marks[index] = BEGUN;
    for (size_t i = 0; i < type->slots_count; i++)
        if (type->slots[i].type != NULL
                && (is_struct(type->slots[i].type)
                    || type->slots[i].type->shape == CALLBACK))
            place_struct(model, type->slots[i].type, marks);
    marks[index] = DONE;
    if (is_struct(type))
        model->structs[model->structs_count++] = type;
}

static void place_structs(struct model *model)
{
    unsigned char *marks = keep(model->types_count + 1);

    model->structs = keep((model->types_count + 1) * sizeof *model->structs);
    for (size_t i = 0; i < model->types_count; i++)
        if (is_struct(&model->types[i]))
            place_struct(model, &model->types[i], marks);
}

/* The place of a file: that of its first object in handles.proto; 0 for what
 * has no object. */
static size_t rank(
    const file_descriptor *file, file_descriptor *const *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const file_descriptor *handles = files[i];

        if (handles->package == NULL || file->n_service == 0
                || strcmp(handles->package, "wws.handle") != 0)
            continue;
        for (size_t j = 0; j < handles->n_message_type; j++)
            if (strcmp(handles->message_type[j]->name, file->service[0]->name)
                    == 0)
                return j + 1;
    }
    return 0;
}

static const file_descriptor **ordered(
    file_descriptor *const *files, size_t *count)
{
    const file_descriptor **sorted = keep((*count + 1) * sizeof *sorted);
    size_t sorted_count = 0;

    for (size_t i = 0; i < *count; i++) {
        size_t at = sorted_count;

        if (!is_ours(files[i]))
            continue;
        while (at > 0 && rank(sorted[at - 1], files, *count)
                             > rank(files[i], files, *count))
            at--;
        memmove(&sorted[at + 1], &sorted[at],
                (sorted_count - at) * sizeof *sorted);
        sorted[at] = files[i];
        sorted_count++;
    }
    *count = sorted_count;
    return sorted;
}

static void raise_version(struct model *model, uint32_t since)
{
    if (since > model->version)
        model->version = since;
}

static void find_version(struct model *model)
{
    for (size_t i = 0; i < model->types_count; i++) {
        raise_version(model, model->types[i].since);
        for (size_t j = 0; j < model->types[i].slots_count; j++)
            raise_version(model, model->types[i].slots[j].since);
    }
    for (size_t i = 0; i < model->enumerations_count; i++)
        for (size_t j = 0; j < model->enumerations[i].values_count; j++)
            raise_version(model, model->enumerations[i].values[j].since);
    for (size_t i = 0; i < model->objects_count; i++) {
        raise_version(model, model->objects[i].since);
        for (size_t j = 0; j < model->objects[i].calls_count; j++)
            raise_version(model, model->objects[i].calls[j].since);
    }
}

static struct model *roomy_model(const file_descriptor **files, size_t count)
{
    struct model *model = keep(sizeof *model);
    size_t types = 0;
    size_t enumerations = 0;
    size_t objects = 0;

    for (size_t i = 0; i < count; i++) {
        types += files[i]->n_message_type;
        enumerations += files[i]->n_enum_type;
        objects += files[i]->n_service;
    }
    model->types = keep(types * sizeof *model->types);
    model->enumerations = keep(enumerations * sizeof *model->enumerations);
    model->objects = keep(objects * sizeof *model->objects);
    return model;
}

const struct model *model_of(
    file_descriptor *const *descriptors, size_t count)
{
    const file_descriptor **files = ordered(descriptors, &count);
    struct model *model = roomy_model(files, count);
    struct model at = *model;

    for (size_t i = 0; i < count; i++)
        read_file(model, files[i]);
    for (size_t i = 0; i < count; i++)
        link_file(model, files[i], &at);
    model->completion = find_type(model, ".wws.Completion");
    model->error = find_object(model, ".wws.Error");
    place_structs(model);
    find_version(model);
    return model;
}
