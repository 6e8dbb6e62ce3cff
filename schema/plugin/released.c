/* Compares the schema with a released one: what was released is a promise, and
 * only additions are allowed, marked with the version that brings them. */
#include "check.h"

#include <string.h>

static void broken(struct text *refusals, const char *where, const char *what)
{
    put(refusals, "$where$: $what$\n", "where", where, "what", what);
}

static bool same(const char *one, const char *other)
{
    if (one == NULL || other == NULL)
        return one == other;
    return strcmp(one, other) == 0;
}

static const char *type_name(const struct slot *slot)
{
    return slot->type != NULL          ? slot->type->full_name
           : slot->enumeration != NULL ? slot->enumeration->full_name
                                       : "";
}

static void compare_slot(
    struct text *refusals, const struct slot *now, const struct slot *then)
{
    if (!same(now->name.snake, then->name.snake))
        broken(refusals, now->where,
               say("was released as %s", then->name.snake));
    else if (now->kind != then->kind || now->repeated != then->repeated
             || now->moved != then->moved || now->pointer != then->pointer
             || strcmp(type_name(now), type_name(then)) != 0)
        broken(refusals, now->where, "was released with another type");
    else if (now->required && !then->required)
        broken(refusals, now->where, "was released as optional");
    else if (!same(now->value, then->value))
        broken(refusals, now->where, "was released with another default");
    else if (now->since != then->since)
        broken(refusals, now->where, "was released with another since");
}

static void compare_type(
    struct text *refusals,
    const struct type *now,
    const struct type *then,
    uint32_t version)
{
    if (now->shape != then->shape) {
        broken(refusals, now->where, "was released with another shape");
        return;
    }
    for (size_t i = 0; i < then->slots_count; i++) {
        if (i >= now->slots_count)
            broken(refusals, then->slots[i].where, "was released and is gone");
        else
            compare_slot(refusals, &now->slots[i], &then->slots[i]);
    }
    for (size_t i = then->slots_count; i < now->slots_count; i++) {
        if (!is_struct(now))
            broken(refusals, now->slots[i].where,
                   "is added to a prototype that was released");
        else if (now->slots[i].since <= version)
            broken(refusals, now->slots[i].where,
                   say("is new, but version %u is released", version));
    }
}

static void compare_types(
    struct text *refusals,
    const struct model *now,
    const struct model *then)
{
    for (size_t i = 0; i < then->types_count; i++) {
        const struct type *old = &then->types[i];
        size_t j = 0;

        while (j < now->types_count
                && strcmp(now->types[j].full_name, old->full_name) != 0)
            j++;
        if (j == now->types_count)
            broken(refusals, old->where, "was released and is gone");
        else
            compare_type(refusals, &now->types[j], old, then->version);
    }
}

static const struct value *value_named(
    const struct enumeration *enumeration, const char *name)
{
    for (size_t i = 0; i < enumeration->values_count; i++)
        if (strcmp(enumeration->values[i].name, name) == 0)
            return &enumeration->values[i];
    return NULL;
}

static void compare_enumeration(
    struct text *refusals,
    const struct enumeration *now,
    const struct enumeration *then,
    uint32_t version)
{
    for (size_t i = 0; i < then->values_count; i++) {
        const struct value *old = &then->values[i];
        const struct value *value = value_named(now, old->name);

        if (value == NULL)
            broken(refusals, say("%s.%s", then->where, old->name),
                   "was released and is gone");
        else if (value->number != old->number)
            broken(refusals, say("%s.%s", now->where, value->name),
                   say("was released with number %d", old->number));
    }
    for (size_t i = 0; i < now->values_count; i++)
        if (value_named(then, now->values[i].name) == NULL
                && now->values[i].since <= version)
            broken(refusals, say("%s.%s", now->where, now->values[i].name),
                   say("is new, but version %u is released", version));
}

static void compare_enumerations(
    struct text *refusals,
    const struct model *now,
    const struct model *then)
{
    for (size_t i = 0; i < then->enumerations_count; i++) {
        const struct enumeration *old = &then->enumerations[i];
        size_t j = 0;

        while (j < now->enumerations_count
                && strcmp(now->enumerations[j].full_name, old->full_name) != 0)
            j++;
        if (j == now->enumerations_count)
            broken(refusals, old->where, "was released and is gone");
        else
            compare_enumeration(refusals, &now->enumerations[j], old,
                                then->version);
    }
}

static const struct call *call_of(
    const struct model *model, const char *function)
{
    for (size_t i = 0; i < model->objects_count; i++)
        for (size_t j = 0; j < model->objects[i].calls_count; j++)
            if (strcmp(model->objects[i].calls[j].function, function) == 0)
                return &model->objects[i].calls[j];
    return NULL;
}

static bool same_prototype(const struct call *one, const struct call *other)
{
    return one->async == other->async && one->has_self == other->has_self
           && one->has_error == other->has_error
           && strcmp(one->request->full_name, other->request->full_name) == 0
           && strcmp(one->response->full_name, other->response->full_name)
                  == 0;
}

static void compare_call(
    struct text *refusals, const struct call *old, const struct model *now)
{
    const struct call *call = call_of(now, old->function);

    if (call == NULL)
        broken(refusals, old->where, "was released and is gone");
    else if (call->request == NULL || call->response == NULL
             || !same_prototype(call, old))
        broken(refusals, call->where, "was released with another prototype");
    else if (call->role != old->role)
        broken(refusals, call->where, "was released with another role");
}

void check_released(
    const struct model *now,
    const struct model *then,
    struct text *refusals)
{
    compare_types(refusals, now, then);
    compare_enumerations(refusals, now, then);
    for (size_t i = 0; i < then->objects_count; i++)
        for (size_t j = 0; j < then->objects[i].calls_count; j++)
            compare_call(refusals, &then->objects[i].calls[j], now);
    for (size_t i = 0; i < now->objects_count; i++)
        for (size_t j = 0; j < now->objects[i].calls_count; j++) {
            const struct call *call = &now->objects[i].calls[j];

            if (call_of(then, call->function) == NULL
                    && call->since <= then->version)
                broken(refusals, call->where,
                       say("is new, but version %u is released",
                           then->version));
        }
}
