/* Uses every initialiser, and holds a released size to its place: what version
 * 2 adds must not move when version 3 comes. */
#include "wws/wws.h"

const wws_completion completion = WWS_COMPLETION_INIT;
const wws_channel_options channel_options = WWS_CHANNEL_OPTIONS_INIT;
const wws_protection protection = WWS_PROTECTION_INIT;
const wws_inspector inspector = WWS_INSPECTOR_INIT;
const wws_error_info error_info = WWS_ERROR_INFO_INIT;
const wws_event event = WWS_EVENT_INIT;

typedef char version_1_ends_behind_its_reserved_word
    [WWS_CHANNEL_OPTIONS_SIZE_V1 == 120 ? 1 : -1];
typedef char version_2_ends_behind_its_reserved_word
    [WWS_CHANNEL_OPTIONS_SIZE_V2 == 128 ? 1 : -1];
typedef char version_3_is_the_whole
    [WWS_CHANNEL_OPTIONS_SIZE_V3 == 152 ? 1 : -1];

wws_status last_status(void);

wws_status last_status(void)
{
    return WWS_E_HANDLE;
}
