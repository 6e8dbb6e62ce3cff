/* The same in C++, where initialisers and statuses must be as good. */
#include "wws/wws.h"

extern const wws_completion completion = WWS_COMPLETION_INIT;
extern const wws_channel_options channel_options = WWS_CHANNEL_OPTIONS_INIT;
extern const wws_protection protection = WWS_PROTECTION_INIT;
extern const wws_inspector inspector = WWS_INSPECTOR_INIT;
extern const wws_error_info error_info = WWS_ERROR_INFO_INIT;
extern const wws_event event = WWS_EVENT_INIT;

static_assert(WWS_E_HANDLE < 0, "a failure is negative");
static_assert(WWS_S_ASYNC > 0, "a success is not");
