/* Uses what the scratch schema adds, and stops what waits. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <wws/wws.h>

static void *stop_on_enter(void *call)
{
    getchar();
    (void) wws_call_cancel(*(wws_call *) call);
    return NULL;
}

int main(int count, char **arguments)
{
    wws_string url = { arguments[count - 1], strlen(arguments[count - 1]) };
    wws_service_proxy_options options = WWS_SERVICE_PROXY_OPTIONS_INIT;
    wws_service_proxy_state state = 0;
    wws_service_proxy proxy = { 0 };
    wws_error none = { 0 };
    wws_call call = { 0 };
    uint32_t number = 0;
    pthread_t thread;
    wws_status status;

    printf("%u\n", options.lucky_number);
    options.lucky_number = 35;
    (void) wws_service_proxy_create((wws_runtime) { 0 }, &options, &proxy,
        none);
    (void) wws_service_proxy_try_luck(proxy, 7, &number, &state, none);
    printf("%u %s\n", number,
        state == WWS_SERVICE_PROXY_STATE_LUCKY ? "lucky" : "unlucky");
    fflush(stdout);
    (void) wws_service_proxy_open(proxy, url, NULL, none);
    (void) wws_call_create(&call, none);
    pthread_create(&thread, NULL, stop_on_enter, &call);
    status = wws_service_proxy_ask(proxy, WWS_STR("urn:scratch/Ask"), &call,
        NULL, NULL, none);
    printf("%s\n", status == WWS_E_OPERATION_CANCELLED ? "cancelled"
                                                        : "not cancelled");
    pthread_join(thread, NULL);
    return wws_service_proxy_free(proxy);
}
