/* Reading payloads: what fits, and what is said of what does not. */
#include <assert.h>
#include <leveret/test.h>
#include <string.h>

static leveret_value seen;
static void (*reader)(leveret_value);

static leveret_result read_it(const leveret_event *event, leveret_tasks *tasks)
{
    (void)tasks;
    seen = leveret_payload(event);
    reader(seen);
    return leveret_done();
}

LEVERET_PLUGIN(.version = "1", .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "read", .handler = read_it}));

static const char *rejection(const char *payload, void (*read)(leveret_value))
{
    reader = read;
    const leveret_delivery *delivery = leveret_deliver("read", payload);
    if (delivery->result.outcome == LEVERET_DONE)
        return NULL;
    assert(delivery->result.outcome == LEVERET_REJECT);
    return delivery->result.reason;
}

static void assert_rejected(const char *payload, void (*read)(leveret_value), const char *reason)
{
    const char *given = rejection(payload, read);
    assert(given && strcmp(given, reason) == 0);
}

static void everything(leveret_value payload)
{
    assert(!strcmp(leveret_text(payload, "/text"), "gr\xC3\xBC\xC3\x9F dich"));
    assert(leveret_integer(payload, "/integer") == -9007199254740993);
    assert(leveret_number(payload, "/number") == 0.5);
    assert(leveret_number(payload, "/integer") < 0);
    assert(leveret_boolean(payload, "/boolean"));
    assert(leveret_count(payload, "/list") == 2);
    leveret_value list = leveret_at(payload, "/list");
    assert(leveret_integer(leveret_item(list, 1), "/n") == 2);
    assert(leveret_has(payload, "/text") && !leveret_has(payload, "/nothing") && !leveret_has(payload, "/missing"));
    assert(!strcmp(leveret_json(list), "[{\"n\":1},{\"n\":2}]"));
    assert(leveret_fits());
}

static void what_fits_is_read(void)
{
    const char *payload =
        "{\"text\": \"gr\\u00fc\xC3\x9F dich\", \"integer\": -9007199254740993, \"number\": 0.5, \"boolean\": true,"
        " \"list\": [{\"n\": 1}, {\"n\": 2}], \"nothing\": null}";
    assert(!rejection(payload, everything));
}

static void second_amount(leveret_value payload)
{
    leveret_value lines = leveret_at(payload, "/lines");
    assert(leveret_integer(leveret_item(lines, 1), "/amount") == 0);
    assert(!leveret_fits());
}

static void a_misfit_is_rejected_with_the_path_to_it(void)
{
    assert_rejected(
        "{\"lines\": [{\"amount\": 7}, {\"amount\": \"x\"}]}", second_amount,
        "the payload does not fit: /lines/1/amount: expected an integer, found a text");
    assert_rejected(
        "{\"lines\": [{\"amount\": 7}]}", second_amount,
        "the payload does not fit: /lines/1: expected a value, found nothing");
}

static void texts(leveret_value payload)
{
    assert(!*leveret_text(payload, ""));
    assert(leveret_integer(payload, "/later") == 0);
}

static void the_first_misfit_counts(void)
{
    assert_rejected("{}", texts, "the payload does not fit: the whole: expected a text, found an object");
    assert_rejected("null", texts, "the payload does not fit: the whole: expected a text, found null");
    assert_rejected("\"a\\u0000b\"", texts, "the payload does not fit: the whole: expected a text, found a text");
}

static void an_integer(leveret_value payload)
{
    leveret_integer(payload, "");
}

static void an_integer_has_no_fraction_and_64_bits(void)
{
    assert(!rejection("9223372036854775807", an_integer));
    assert_rejected(
        "9223372036854775808", an_integer, "the payload does not fit: the whole: expected an integer, found an integer");
    assert_rejected(
        "4200.5", an_integer, "the payload does not fit: the whole: expected an integer, found a number with a fraction");
}

static void a_positive_number(leveret_value payload)
{
    if (leveret_integer(payload, "/n") < 1)
        leveret_misfit(payload, "/n", "a positive number");
}

static void an_author_can_tell_of_a_misfit(void)
{
    assert_rejected(
        "{\"n\": 0}", a_positive_number, "the payload does not fit: /n: expected a positive number, found an integer");
}

static void what_is_no_json_is_rejected(void)
{
    const char *reason = rejection("{\"n\": ", an_integer);
    assert(reason && strstr(reason, "the payload is not JSON: "));
}

int main(void)
{
    what_fits_is_read();
    a_misfit_is_rejected_with_the_path_to_it();
    the_first_misfit_counts();
    an_integer_has_no_fraction_and_64_bits();
    an_author_can_tell_of_a_misfit();
    what_is_no_json_is_rejected();
    leveret_forget();
}
