/* A fault as its parts.  The block begins with the lists, as they want to be
 * aligned; behind them are all texts. */
#include "core/base/fault.h"

#include <string.h>

#include "core/base/memory.h"

struct cursor {
    wws_string *list;
    char *text;
};

static size_t texts_size(const wws_string *list, size_t count)
{
    size_t size = count * sizeof *list;

    for (size_t i = 0; i < count; i++)
        size += list[i].size;
    return size;
}

static size_t size_of(const wws_fault_info *fault)
{
    return fault->subcode_namespace.size + fault->subcode_name.size
        + fault->reason.size + fault->language.size + fault->actor.size
        + fault->detail.size + fault->node.size + fault->action.size
        + fault->headers.size
        + texts_size(fault->outer_subcode_namespaces,
            fault->outer_subcode_namespaces_count)
        + texts_size(fault->outer_subcode_names,
            fault->outer_subcode_names_count)
        + texts_size(fault->further_reasons, fault->further_reasons_count)
        + texts_size(fault->further_languages,
            fault->further_languages_count);
}

static void move_text(struct cursor *to, wws_string *text)
{
    if (text->size != 0)
        memcpy(to->text, text->data, text->size);
    text->data = to->text;
    to->text += text->size;
}

static void move_octets(struct cursor *to, wws_bytes *octets)
{
    wws_string text = { octets->data, octets->size };

    move_text(to, &text);
    octets->data = text.data;
}

static void move_list(struct cursor *to, const wws_string **list, size_t count)
{
    wws_string *copy = to->list;

    for (size_t i = 0; i < count; i++) {
        copy[i] = (*list)[i];
        move_text(to, &copy[i]);
    }
    to->list += count;
    *list = copy;
}

bool wwi_fault_copy(struct wwi_fault *to, const wws_fault_info *from)
{
    size_t lists = from->outer_subcode_namespaces_count
        + from->outer_subcode_names_count + from->further_reasons_count
        + from->further_languages_count;
    wws_string *block = wwi_alloc(size_of(from));
    struct cursor cursor = { block, (char *) (block + lists) };
    wws_fault_info *info = &to->info;

    if (block == NULL)
        return false;
    to->memory = block;
    *info = *from;
    move_list(&cursor, &info->outer_subcode_namespaces,
        info->outer_subcode_namespaces_count);
    move_list(&cursor, &info->outer_subcode_names,
        info->outer_subcode_names_count);
    move_list(&cursor, &info->further_reasons, info->further_reasons_count);
    move_list(&cursor, &info->further_languages,
        info->further_languages_count);
    move_text(&cursor, &info->subcode_namespace);
    move_text(&cursor, &info->subcode_name);
    move_text(&cursor, &info->reason);
    move_text(&cursor, &info->language);
    move_text(&cursor, &info->actor);
    move_text(&cursor, &info->node);
    move_text(&cursor, &info->action);
    move_octets(&cursor, &info->detail);
    move_octets(&cursor, &info->headers);
    return true;
}

void wwi_fault_fini(struct wwi_fault *fault)
{
    wwi_free(fault->memory);
    *fault = (struct wwi_fault) { 0 };
}

wws_fault_info wwi_fault_seen(const wws_fault *fault)
{
    wws_fault_info info = WWS_FAULT_INFO_INIT;

    info.code = fault->code;
    info.subcode_namespace = fault->subcode_namespace;
    info.subcode_name = fault->subcode_name;
    info.reason = fault->reason;
    info.language = fault->language.size != 0
        ? fault->language : WWS_STR("en");
    info.actor = fault->actor;
    info.detail = fault->detail;
    info.node = fault->node;
    info.action = fault->action;
    info.headers = fault->headers;
    info.outer_subcode_namespaces = fault->outer_subcode_namespaces;
    info.outer_subcode_namespaces_count =
        fault->outer_subcode_namespaces_count;
    info.outer_subcode_names = fault->outer_subcode_names;
    info.outer_subcode_names_count = fault->outer_subcode_names_count;
    info.further_reasons = fault->further_reasons;
    info.further_reasons_count = fault->further_reasons_count;
    info.further_languages = fault->further_languages;
    info.further_languages_count = fault->further_languages_count;
    return info;
}

const char *wwi_fault_refusal(const wws_fault *fault, wws_status *status)
{
    *status = WWS_E_INVALIDARG;
    if (fault->outer_subcode_namespaces_count
        != fault->outer_subcode_names_count)
        return "the fault has not as many namespaces as names of subcodes";
    if (fault->further_reasons_count != fault->further_languages_count)
        return "the fault has not as many languages as reasons";
    if (fault->subcode_name.size == 0
        && (fault->subcode_namespace.size != 0
            || fault->outer_subcode_names_count != 0))
        return "the fault has a subcode without a name";
    *status = WWS_E_QUOTA_EXCEEDED;
    if (fault->outer_subcode_names_count >= WWI_FAULT_SUBCODES)
        return "the fault has too many subcodes";
    if (fault->further_reasons_count >= WWI_FAULT_REASONS)
        return "the fault has too many reasons";
    return NULL;
}
