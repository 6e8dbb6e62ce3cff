/* Plain conversations with the Calculator, each of which asks for a sum. */
#include "conversation.h"

#include <stdio.h>
#include <string.h>

#include "calc.h"
#include "print.h"
#include "relay.h"

enum { A = 19, B = 23, SUM = 42 };

static const wws_error none;

/* Of this library, at an address. */
static bool call_add(struct stage *stage, wws_string address)
{
    wws_service_proxy_options options = setting_proxy(stage->setting);
    wws_service_proxy proxy = { 0 };
    wws_buffer reply = { 0 };
    char text[CALC_SIZE];
    long sum = 0;
    wws_status status = wws_service_proxy_create(stage->runtime, &options,
        &proxy, none);

    if (status >= 0)
        status = wws_service_proxy_open(proxy, address, NULL, none);
    if (status >= 0)
        status = wws_service_proxy_call(proxy, calc_action(CALC_ADD),
            calc_request(text, CALC_ADD, A, B), NULL, NULL, &reply, NULL,
            none);
    if (status >= 0)
        status = wws_service_proxy_close(proxy, NULL, none);
    if (status < 0)
        fprintf(stderr, "wws-demo: Add: %s\n", wws_status_name(status));
    else
        (void) calc_read_reply((wws_bytes) { reply.data, reply.size },
            CALC_ADD, &sum);
    wws_buffer_release(&reply);
    (void) wws_service_proxy_free(proxy);
    return sum == SUM;
}

static bool by_this_library(struct stage *stage)
{
    struct relay relay;
    const struct setting *setting = stage->setting;
    char url[URL_SIZE];
    bool ok;

    if (!relay_start(&relay, url_port(stage->remote.addresses[MODE_SYNC])))
        return false;
    ok = call_add(stage, setting_url(setting, url, relay.ear.port));
    relay_end(&relay);
    ok = ok && relay.request.size != 0 && relay.reply.size != 0;
    print_conversation("this library", setting->transport, setting->soap,
        &relay.request, &relay.reply, ok);
    return ok;
}

/* Says what a program printed instead of the sum. */
static void complain(const char *program, const char *output)
{
    fprintf(stderr, "wws-demo: %s did not get the sum but: %s\n", program,
        output);
}

static bool by_curl(struct stage *stage)
{
    static const char envelope[] =
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"
        "<s:Body><c:Add xmlns:c=\"" CALC_NAMESPACE "\">"
        "<c:a>19</c:a><c:b>23</c:b></c:Add></s:Body></s:Envelope>";
    const char *const arguments[] = { "curl", "--silent", "--show-error",
        "--noproxy", "*", "--max-time", "3",
        "--header", "Content-Type: text/xml; charset=utf-8",
        "--header", "SOAPAction: \"" CALC_NAMESPACE "/Add\"",
        "--data-binary", envelope, stage->remote.addresses[MODE_SYNC], NULL };
    char output[1024] = "";
    long sum;
    bool ok = program_run(arguments, output, sizeof output)
        && calc_read_reply((wws_bytes) { output, strlen(output) }, CALC_ADD,
            &sum)
        && sum == SUM;

    if (!ok)
        complain("curl", output);
    print_conversation("curl", "http", "1.1", NULL, NULL, ok);
    return ok;
}

static bool by_zeep(struct stage *stage)
{
    char script[512], wsdl[512], output[256] = "";
    const char *const arguments[] = { "/usr/bin/python3", script, wsdl,
        "19", "23", "Soap11", stage->remote.addresses[MODE_SYNC],
        "Soap12", stage->remote.addresses[HOST_OTHER_VERSION], NULL };
    bool ended, first, second;

    program_file(script, sizeof script, "zeep_client.py");
    program_file(wsdl, sizeof wsdl, "calc.wsdl");
    ended = program_run(arguments, output, sizeof output);
    first = strncmp(output, "42\n", 3) == 0;
    second = ended && first && strcmp(output + 3, "42\n") == 0;
    if (!second)
        complain("zeep", output);
    print_conversation("zeep", "http", "1.1", NULL, NULL, first);
    print_conversation("zeep", "http", "1.2", NULL, NULL, second);
    return second;
}

bool conversations_run(struct stage *stage)
{
    bool ok = by_this_library(stage);

    if (!stage->setting->common)
        return ok;
    ok = by_curl(stage) && ok;
    return by_zeep(stage) && ok;
}
