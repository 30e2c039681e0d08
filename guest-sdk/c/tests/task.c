/* Making tasks: payloads, keys, headers. */
#include <assert.h>
#include <leveret/test.h>
#include <math.h>
#include <string.h>

static void (*maker)(leveret_value, leveret_tasks *);

static leveret_result make(const leveret_event *event, leveret_tasks *tasks)
{
    maker(leveret_payload(event), tasks);
    return leveret_done();
}

LEVERET_PLUGIN(.version = "1", .subscriptions = LEVERET_SUBSCRIPTIONS({.event = "make", .handler = make}));

static const leveret_delivery *made(void (*by)(leveret_value, leveret_tasks *))
{
    maker = by;
    return leveret_deliver("make", "{\"user\": {\"email\": \"ada@example.org\"}}");
}

static void assert_payload(void (*by)(leveret_value, leveret_tasks *), const char *payload)
{
    const leveret_delivery *delivery = made(by);
    assert(delivery->result.outcome == LEVERET_DONE && delivery->count == 1);
    assert(strcmp(delivery->tasks[0].payload, payload) == 0);
}

static void assert_fails(void (*by)(leveret_value, leveret_tasks *), const char *reason)
{
    const leveret_delivery *delivery = made(by);
    assert(delivery->result.outcome == LEVERET_RETRY && delivery->count == 0);
    assert(strstr(delivery->result.reason, reason));
}

static void nothing(leveret_value payload, leveret_tasks *tasks)
{
    (void)payload;
    leveret_emit(tasks, "task.make");
}

static void everything(leveret_value payload, leveret_tasks *tasks)
{
    leveret_task *task = leveret_emit(tasks, "task.make");
    leveret_put_text(task, "/text", "first");
    leveret_put_text(task, "/text", "gr\xC3\xBC\xC3\x9F \"dich\"");
    leveret_put_integer(task, "/a~1b/integer", -1);
    leveret_put_number(task, "/a~1b/number", 0.1);
    leveret_put_boolean(task, "/boolean", false);
    leveret_put_null(task, "/null");
    leveret_put_array(task, "/list");
    leveret_put_integer(task, "/list/-", 1);
    leveret_put_object(task, "/list/-");
    leveret_put_integer(task, "/list/1/n", 2);
    leveret_put_value(task, "/user", leveret_at(payload, "/user"));
}

static void whole(leveret_value payload, leveret_tasks *tasks)
{
    leveret_put_value(leveret_emit(tasks, "task.make"), "", leveret_at(payload, "/user/email"));
}

static void text(leveret_value payload, leveret_tasks *tasks)
{
    (void)payload;
    leveret_set_payload(leveret_emit(tasks, "task.make"), "[ 1 ] and more", 5);
}

static void payloads_are_json(void)
{
    assert_payload(nothing, "{}");
    assert_payload(
        everything, "{\"text\":\"gr\xC3\xBC\xC3\x9F \\\"dich\\\"\",\"a/b\":{\"integer\":-1,\"number\":0.1},"
                    "\"boolean\":false,\"null\":null,\"list\":[1,{\"n\":2}],\"user\":{\"email\":\"ada@example.org\"}}");
    assert_payload(whole, "\"ada@example.org\"");
    assert_payload(text, "[ 1 ]");
}

static void in_a_text(leveret_value payload, leveret_tasks *tasks)
{
    (void)payload;
    leveret_task *task = leveret_emit(tasks, "task.make");
    leveret_put_text(task, "/text", "a");
    leveret_put_text(task, "/text/b", "c");
}

static void infinite(leveret_value payload, leveret_tasks *tasks)
{
    (void)payload;
    leveret_put_number(leveret_emit(tasks, "task.make"), "/n", INFINITY);
}

static void not_unicode(leveret_value payload, leveret_tasks *tasks)
{
    (void)payload;
    leveret_put_text(leveret_emit(tasks, "task.make"), "/text", "\xFF");
}

static void what_cannot_be_json_fails_the_delivery(void)
{
    assert_fails(in_a_text, "the payload of task.make cannot be written: nothing can be put at /text/b");
    assert_fails(infinite, "the payload of task.make cannot be written: ");
    assert_fails(not_unicode, "the payload of task.make cannot be written: ");
}

static void two(leveret_value payload, leveret_tasks *tasks)
{
    (void)payload;
    leveret_task *first = leveret_emit(tasks, "task.make");
    leveret_set_key(first, "k-1");
    leveret_add_header(first, "colour", "blue");
    leveret_add_header(first, "size", "large");
    leveret_emit(tasks, "other.make");
}

static void tasks_have_keys_and_headers(void)
{
    const leveret_delivery *delivery = made(two);
    assert(delivery->count == 2);
    const leveret_emitted *first = &delivery->tasks[0], *second = &delivery->tasks[1];
    assert(!strcmp(first->name, "task.make") && !strcmp(second->name, "other.make"));
    assert(!strcmp(first->key, "k-1") && !second->key);
    assert(first->header_count == 2 && second->header_count == 0);
    assert(!strcmp(first->headers[1].name, "size") && !strcmp(first->headers[1].value, "large"));
}

int main(void)
{
    payloads_are_json();
    what_cannot_be_json_fails_the_delivery();
    tasks_have_keys_and_headers();
    leveret_forget();
}
