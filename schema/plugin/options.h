/* The side that sees descriptors: our annotations, read from their options,
 * and the way into the model.  An absent option reads as its defaults, so the
 * result is never NULL. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <google/protobuf/descriptor.pb-c.h>
#include <wws/abi.pb-c.h>

struct model;

/* Unpacks into memory that lives until the program exits. */
extern ProtobufCAllocator unpacked;

const Wws__Abi__Type *type_option(
    const Google__Protobuf__MessageOptions *options);
const Wws__Abi__Slot *slot_option(
    const Google__Protobuf__FieldOptions *options);
const Wws__Abi__Call *call_option(
    const Google__Protobuf__MethodOptions *options);
const Wws__Abi__Object *object_option(
    const Google__Protobuf__ServiceOptions *options);
const Wws__Abi__Mark *mark_option(
    const Google__Protobuf__EnumValueOptions *options);

/* The files are in the order of their imports. */
const struct model *model_of(
    Google__Protobuf__FileDescriptorProto *const *files, size_t count);

#endif
