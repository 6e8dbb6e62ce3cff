/* The schema as plain structs: all that emitters see.  Names are there in
 * every case form; everything stands in the order in which it is written out;
 * pointers are never to be followed into descriptors. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
    const char *pascal; /* ServiceProxy */
    const char *camel;  /* serviceProxy */
    const char *snake;  /* service_proxy */
    const char *upper;  /* SERVICE_PROXY */
};

/* The numbers of the next three are those of schema/wws/abi.proto. */
enum shape { ARGUMENTS, STRUCT, TABLE, CALLBACK, HANDLE, RECORD };
enum lifetime { FOR_CALL, FOR_COMPLETION, FOR_OBJECT };
enum role { ACT, CREATE, FREE, CANCEL, READ };

enum kind {
    BOOL,
    INT32,
    UINT32,
    INT64,
    UINT64,
    DOUBLE,
    STRING,
    BYTES,
    ENUMERATION,
    MESSAGE,
    UNSUPPORTED
};

/* A member, slot or argument: a field. */
struct slot {
    struct name name;
    const char *where; /* "wws/channel.proto: OpenChannel.address" */
    const char *doc;   /* NULL if there is none */
    enum kind kind;
    const struct type *type;               /* of a MESSAGE */
    const struct enumeration *enumeration; /* of an ENUMERATION */
    int32_t number;
    bool required;
    bool repeated;
    const char *value; /* the default as written, or NULL */
    enum lifetime lifetime;
    bool moved;
    bool pointer; /* a UINT64 that is an application's own pointer */
    bool text;    /* BYTES that are text in UTF-8 */
    uint32_t since;
};

/* A message of any shape. */
struct type {
    struct name name;
    const char *full_name; /* ".wws.ChannelOptions" */
    const char *where;
    const char *file;
    const char *doc;
    enum shape shape;
    uint32_t since;
    struct slot *slots;
    size_t slots_count;
    bool nests;           /* has types or alternatives inside */
    const struct slot *result; /* of a CALLBACK that returns a status, or NULL */
    const struct object *object; /* of a HANDLE */
};

struct value {
    const char *name;       /* CHANNEL_STATE_OPEN */
    const char *constant;   /* WWS_CHANNEL_STATE_OPEN */
    struct name short_name; /* without the name of its enum */
    const char *doc;
    int32_t number;
    uint32_t since;
};

struct enumeration {
    struct name name;
    const char *full_name;
    const char *where;
    const char *file;
    const char *doc;
    struct value *values;
    size_t values_count;
    bool is_status;
    bool aliases; /* two values may have one number */
};

/* A parameter of a function.  What stands in the request and in the response
 * is one parameter that goes both ways. */
struct parameter {
    const struct slot *slot;
    bool in;
    bool out;
    bool required;
    bool has_default; /* a handle whose zero names the default object */
    bool capacity;    /* says how many records fit into another one */
};

/* A function: an rpc. */
struct call {
    struct name name;
    const char *function; /* channel_open, of wws_channel_open */
    const char *where;
    const char *doc;
    enum role role;
    bool async;
    const char *cancelled_by;    /* "Channel.Abort", or NULL */
    const struct call *canceller; /* NULL if there is none of that name */
    bool any_thread;
    bool may_end; /* with WWS_S_END, which is neither failure nor result */
    uint32_t since;
    const struct object *object;
    const struct type *request;
    const struct type *response;
    struct parameter *parameters; /* inputs, then outputs */
    size_t parameters_count;
    bool has_self;        /* the object is the first parameter */
    bool has_error;       /* an error object is the last one */
    bool streams;
};

/* An object, or a group of free functions: a service. */
struct object {
    struct name name;
    const char *full_name;
    const char *where;
    const char *file;
    const char *doc;
    bool borrowed;
    bool free_functions;
    bool has_default;
    uint32_t since;
    const struct type *handle; /* NULL for free functions */
    const struct call *free;   /* NULL if nothing is to be given back */
    struct call *calls;
    size_t calls_count;
};

/* A STRUCT, TABLE or RECORD stands behind those that it mentions. */
struct model {
    struct type *types;
    size_t types_count;
    const struct type **structs;
    size_t structs_count;
    struct enumeration *enumerations;
    size_t enumerations_count;
    struct object *objects;
    size_t objects_count;
    const struct type *completion; /* the TABLE Completion, or NULL */
    const struct object *error;    /* the object Error, or NULL */
    const char *cycle;             /* where a struct contains itself, or NULL */
    uint32_t version;              /* the highest since of all */
};

/* Whether a type is laid out in memory: versioned, with its size in front. */
bool is_struct(const struct type *type);
bool is_message(const struct slot *slot, enum shape shape);
bool is_record_output(const struct parameter *parameter);

#endif
