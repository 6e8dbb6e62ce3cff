/* A message: what each function of the interface may do in which state, and how
 * headers and bodies are kept.
 *
 * Where a header came from makes no difference to who reads it: standard[] and
 * the body are views of the received envelope until they are set here.  Custom
 * headers are in two places, those received in the envelope and those added in
 * blocks, and count in that order. */
#include "core/channel/message.h"

#include "core/base/list.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/channel/channel.h"
#include "core/channel/message_parts.h"

enum {
    KEEP_SIZE = 64 * 1024,
    MAX_HEADERS = 64,
};

enum {
    NO, /* the number of no state */
    EMPTY = WWS_MESSAGE_STATE_EMPTY,
    INITIALIZED = WWS_MESSAGE_STATE_INITIALIZED,
    READING = WWS_MESSAGE_STATE_READING,
    WRITING = WWS_MESSAGE_STATE_WRITING,
    DONE = WWS_MESSAGE_STATE_DONE,
};

/* A start that fails moves nothing, and an end that fails gives up.
                      initialize   send  write    together     end   receive read     end   give up reset */
static const uint8_t moves[][WWI_MESSAGE_EVENTS] = {
    [EMPTY]       = { INITIALIZED, NO,   NO,      NO,          NO,   DONE,   READING, NO,   NO,     EMPTY },
    [INITIALIZED] = { NO,          DONE, WRITING, NO,          NO,   NO,     NO,      NO,   NO,     EMPTY },
    [READING]     = { NO,          NO,   NO,      NO,          NO,   NO,     NO,      DONE, DONE,   EMPTY },
    [WRITING]     = { NO,          NO,   NO,      INITIALIZED, DONE, NO,     NO,      NO,   DONE,   EMPTY },
    [DONE]        = { NO,          NO,   NO,      NO,          NO,   NO,     NO,      NO,   NO,     EMPTY },
};

static const char *const state_names[] = {
    [WWS_MESSAGE_STATE_EMPTY] = "empty",
    [WWS_MESSAGE_STATE_INITIALIZED] = "initialized",
    [WWS_MESSAGE_STATE_READING] = "being read",
    [WWS_MESSAGE_STATE_WRITING] = "being written",
    [WWS_MESSAGE_STATE_DONE] = "done",
};

bool wwi_message_move(
    struct wwi_message *self,
    enum wwi_message_event event)
{
    uint8_t next = moves[self->state][event];

    if (next == NO)
        return false;
    self->state = next;
    return true;
}

static void take_back(struct wwi_message *self)
{
    atomic_store(&self->let_go, false);
    (void) wwi_message_move(self, WWI_MESSAGE_GIVE_UP);
}

wws_status wwi_message_begin_use(
    struct wwi_message *self,
    struct wwi_error *error)
{
    if (atomic_exchange_explicit(&self->busy, true, memory_order_acquire))
        return wwi_fail_static(error, WWS_E_INVALID_OPERATION,
            "the message is in use by another thread or operation");
    if (atomic_load_explicit(&self->let_go, memory_order_relaxed))
        take_back(self);
    return WWS_S_OK;
}

void wwi_message_end_use(struct wwi_message *self)
{
    atomic_store_explicit(&self->busy, false, memory_order_release);
}

wws_status wwi_message_check_state(
    const struct wwi_message *self,
    unsigned states,
    struct wwi_error *error)
{
    if (states & 1U << self->state)
        return WWS_S_OK;
    return wwi_fail(error, WWS_E_INVALID_OPERATION,
        "not while the message is %s", state_names[self->state]);
}

/* Every function of the interface runs between these two. */
wws_status wwi_message_enter(
    struct wwi_message *self,
    unsigned states,
    struct wwi_error *error)
{
    wws_status status = wwi_message_begin_use(self, error);

    if (status < 0)
        return status;
    status = wwi_message_check_state(self, states, error);
    if (status < 0)
        wwi_message_end_use(self);
    return status;
}

wws_status wwi_message_leave(struct wwi_message *self, wws_status status)
{
    wwi_message_end_use(self);
    return status;
}

wws_status wwi_message_no_memory(struct wwi_error *error)
{
    return wwi_fail_static(
        error, WWS_E_OUTOFMEMORY, "no memory for the message");
}

bool wwi_message_has_addressing(const struct wwi_message *self)
{
    return self->options.addressing_version
        != WWS_ADDRESSING_VERSION_TRANSPORT;
}

void wwi_message_drop_header(struct wwi_message *self, wws_header header)
{
    wwi_free(self->owned[header]);
    self->owned[header] = NULL;
    self->standard[header] = (wws_string) { 0 };
}

void wwi_message_drop_fault(struct wwi_message *self)
{
    wwi_fault_fini(&self->fault);
    self->has_fault = false;
}

void wwi_message_clear(struct wwi_message *self)
{
    for (wws_header header = 0; header < WWI_STANDARD_HEADERS; header++)
        wwi_message_drop_header(self, header);
    wwi_blocks_reset(&self->blocks);
    wwi_mapped_reset(&self->mapped);
    wwi_bytes_reset(&self->body, KEEP_SIZE);
    wwi_message_drop_fault(self);
    wwi_envelope_reset(&self->envelope);
    wwi_bytes_reset(&self->octets, KEEP_SIZE);
    self->received = self->has_envelope = self->body_read = false;
    self->addressed = false;
    self->initialization = WWS_MESSAGE_INITIALIZATION_BLANK;
    (void) wwi_message_move(self, WWI_MESSAGE_RESET);
}

static void destroy(struct wwi_object *object)
{
    struct wwi_message *self =
        WWI_CONTAINER(object, struct wwi_message, object);

    for (wws_header header = 0; header < WWI_STANDARD_HEADERS; header++)
        wwi_message_drop_header(self, header);
    wwi_blocks_fini(&self->blocks);
    wwi_mapped_fini(&self->mapped);
    wwi_bytes_fini(&self->body);
    wwi_fault_fini(&self->fault);
    wwi_envelope_fini(&self->envelope);
    wwi_bytes_fini(&self->octets);
    wwi_free(self);
}

wws_status wwi_message_new(
    const wws_message_options *options,
    struct wwi_message **message,
    struct wwi_error *error)
{
    struct wwi_message *self = wwi_alloc_zero(sizeof *self);
    wws_status status;

    if (self == NULL)
        return wwi_message_no_memory(error);
    self->options = options != NULL
        ? *options : (wws_message_options) WWS_MESSAGE_OPTIONS_INIT;
    if (self->options.max_headers == 0)
        self->options.max_headers = MAX_HEADERS;
    atomic_init(&self->busy, false);
    atomic_init(&self->let_go, false);
    self->state = EMPTY;
    status = wwi_object_init(&self->object, WWI_KIND_MESSAGE, destroy);
    if (status < 0) {
        wwi_free(self);
        return wwi_fail_static(error, status, "no handle for the message");
    }
    *message = self;
    return WWS_S_OK;
}

wws_status wwi_message_create(
    const wws_message_options *options,
    wws_message *message,
    struct wwi_error *error)
{
    struct wwi_message *self = NULL;
    wws_status status = wwi_message_new(options, &self, error);

    if (status >= 0)
        message->id = self->object.id;
    return status;
}

/* A channel that has it half written or read gives it up. */
static void lose(struct wwi_message *self)
{
    uint64_t channel = self->channel;

    self->channel = 0;
    if (channel != 0)
        wwi_channel_lose_message(channel, self);
}

wws_status wwi_message_free(struct wwi_message *self)
{
    if (!wwi_object_close(&self->object))
        return WWS_E_HANDLE;
    if (wwi_message_begin_use(self, NULL) >= 0) {
        lose(self);
        wwi_message_end_use(self);
    }
    wwi_object_unref(&self->object);
    return WWS_S_OK;
}

wws_status wwi_message_reset(
    struct wwi_message *self,
    struct wwi_error *error)
{
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_ANY, error);

    if (status < 0)
        return status;
    lose(self);
    wwi_message_clear(self);
    return wwi_message_leave(self, WWS_S_OK);
}

wws_status wwi_message_get_info(
    struct wwi_message *self,
    wws_message_info *info,
    struct wwi_error *error)
{
    wws_message_info ours = WWS_MESSAGE_INFO_INIT;
    wws_status status = wwi_message_enter(self, WWI_MESSAGE_ANY, error);

    if (status < 0)
        return status;
    ours.state = self->state;
    ours.envelope_version = self->options.envelope_version;
    ours.addressing_version = self->options.addressing_version;
    ours.is_fault = wwi_message_fault(self) != NULL;
    ours.is_addressed = self->addressed
        || (self->state != WWS_MESSAGE_STATE_EMPTY
            && self->state != WWS_MESSAGE_STATE_INITIALIZED);
    ours.header_count = wwi_message_header_count(self);
    wwi_record_put(info, &ours, sizeof ours);
    return wwi_message_leave(self, WWS_S_OK);
}

