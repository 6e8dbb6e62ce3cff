/* Finds our extensions.  protobuf-c knows none: to it they are unknown fields,
 * one for each place where the schema sets a part of one option. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "put.h"

/* The options as protobuf-c sees all messages; NULL stays NULL. */
#define AS_MESSAGE(options) ((const ProtobufCMessage *) (options))

enum tag { TYPE = 50100, SLOT, CALL, OBJECT, MARK };

static void *keep_for_protobuf(void *data, size_t size)
{
    (void) data;
    return keep(size);
}

static void leave_for_exit(void *data, void *memory)
{
    (void) data;
    (void) memory;
}

ProtobufCAllocator unpacked = {
    .alloc = keep_for_protobuf,
    .free = leave_for_exit,
};

/* The size of the length that stands in front of a stored field. */
static size_t length_size(const ProtobufCMessageUnknownField *field)
{
    size_t size = 0;

    while (size < field->len && (field->data[size] & 0x80) != 0)
        size++;
    return size < field->len ? size + 1 : size;
}

/* Joins all pieces of an option; for protobuf, joining is merging. */
static const void *unpack(
    const ProtobufCMessage *options,
    enum tag tag,
    const ProtobufCMessageDescriptor *descriptor)
{
    const void *message;
    uint8_t *bytes;
    size_t size = 0;
    size_t room = 1;

    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++)
        room += options->unknown_fields[i].len;
    bytes = keep(room);
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields;
         i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        size_t skipped;

        if (field->tag != tag
                || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            continue;
        skipped = length_size(field);
        memcpy(bytes + size, field->data + skipped, field->len - skipped);
        size += field->len - skipped;
    }
    message = protobuf_c_message_unpack(descriptor, &unpacked, size, bytes);
    if (message == NULL) {
        fprintf(stderr, "wws-schema: option %d is malformed\n", (int) tag);
        exit(EXIT_FAILURE);
    }
    return message;
}

const Wws__Abi__Type *type_option(
    const Google__Protobuf__MessageOptions *options)
{
    return unpack(AS_MESSAGE(options), TYPE, &wws__abi__type__descriptor);
}

const Wws__Abi__Slot *slot_option(
    const Google__Protobuf__FieldOptions *options)
{
    return unpack(AS_MESSAGE(options), SLOT, &wws__abi__slot__descriptor);
}

const Wws__Abi__Call *call_option(
    const Google__Protobuf__MethodOptions *options)
{
    return unpack(AS_MESSAGE(options), CALL, &wws__abi__call__descriptor);
}

const Wws__Abi__Object *object_option(
    const Google__Protobuf__ServiceOptions *options)
{
    return unpack(AS_MESSAGE(options), OBJECT, &wws__abi__object__descriptor);
}

const Wws__Abi__Mark *mark_option(
    const Google__Protobuf__EnumValueOptions *options)
{
    return unpack(AS_MESSAGE(options), MARK, &wws__abi__mark__descriptor);
}
