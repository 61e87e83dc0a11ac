/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "client/bridge/http_priv.h"

/* How late a deadline may be noticed, and how old the date can be. */
#define TICK_MS 100

#define TROUBLE_EVERY_MS 1000

/* One answer more fits in any case, since nothing is taken in while answers wait. */
#define OUTPUT_MAX ((size_t)64 << 20)

static void write_date(struct lk_http_loop *loop)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec" };
	struct timespec now;
	struct tm t;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec == loop->date_s || gmtime_r(&now.tv_sec, &t) == NULL)
		return;
	loop->date_s = now.tv_sec;
	snprintf(loop->date, sizeof loop->date, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
		days[t.tm_wday], t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min,
		t.tm_sec);
}

void lk_http_loop_look_up(struct lk_http_loop *loop)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	loop->now = (lk_mono_ms)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void tell_trouble(struct lk_http_loop *loop)
{
	const struct lk_http_options *options = &loop->http->options;

	if (loop->trouble == NULL || loop->now - loop->trouble_at < TROUBLE_EVERY_MS)
		return;
	if (options->on_trouble != NULL)
		options->on_trouble(options->arg, loop->trouble);
	loop->trouble = NULL;
	loop->trouble_at = loop->now;
}

void lk_http_loop_report(struct lk_http_loop *loop, const char *what)
{
	loop->trouble = what;
	tell_trouble(loop);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct lk_http_loop *loop = arg;

	(void)fd;
	(void)what;
	lk_http_loop_look_up(loop);
	write_date(loop);
	lk_http_listen_tick(loop);
	lk_http_deadline_tick(loop);
	tell_trouble(loop);
}

void lk_http_loop_lost_one(struct lk_http_loop *loop)
{
	loop->n_conns--;
	if (loop->is_stopping && loop->n_conns == 0)
		event_base_loopbreak(loop->base);
}

static void close_door(struct lk_http_loop *loop, bool takes_waiting)
{
	if (loop->is_draining)
		return;
	loop->is_draining = true;
	lk_http_listen_end(loop, takes_waiting);
	lk_http_caps_close_door(loop->http->caps);
}

/* Who is idle may have sent something, before they could know; if not, they are closed. */
static void drain(struct lk_http_loop *loop)
{
	struct lk_http_conn *first;

	close_door(loop, true);
	while ((first = TAILQ_FIRST(&loop->phases[LK_HTTP_IDLE])) != NULL)
		lk_http_conn_run(first, lk_http_conn_read);
}

/* Those whose request is with the handler stay until it is answered. */
static void stop(struct lk_http_loop *loop)
{
	struct lk_http_conn *conn;

	close_door(loop, false);
	loop->is_stopping = true;
	for (int phase = 0; phase < LK_HTTP_HANDLED; phase++)
		while ((conn = TAILQ_FIRST(&loop->phases[phase])) != NULL)
			lk_http_conn_drop(conn);
	TAILQ_FOREACH(conn, &loop->phases[LK_HTTP_HANDLED], in_phase)
	lk_http_conn_drop(conn);
	if (loop->n_conns == 0)
		event_base_loopbreak(loop->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct lk_http_loop *loop = arg;
	struct lk_http_requests inbox = STAILQ_HEAD_INITIALIZER(inbox);
	struct lk_http_request *request;
	bool must_drain, must_stop;
	eventfd_t times;

	(void)what;
	eventfd_read(fd, &times);
	pthread_mutex_lock(&loop->mutex);
	STAILQ_CONCAT(&inbox, &loop->inbox);
	must_drain = loop->must_drain;
	must_stop = loop->must_stop;
	loop->must_drain = loop->must_stop = false;
	pthread_mutex_unlock(&loop->mutex);

	lk_http_loop_look_up(loop);
	while ((request = STAILQ_FIRST(&inbox)) != NULL) {
		STAILQ_REMOVE_HEAD(&inbox, next);
		request->resume(&request->exchange, request->resume_arg);
	}
	if (must_drain)
		drain(loop);
	if (must_stop)
		stop(loop);
}

static void tell(struct lk_http_loop *loop, bool *order)
{
	pthread_mutex_lock(&loop->mutex);
	*order = true;
	eventfd_write(loop->wake_fd, 1);
	pthread_mutex_unlock(&loop->mutex);
}

void lk_http_loop_drain(struct lk_http_loop *loop)
{
	tell(loop, &loop->must_drain);
}

void lk_http_loop_stop(struct lk_http_loop *loop)
{
	tell(loop, &loop->must_stop);
}

/* Only its own thread uses the base, so it needs no locks. */
static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_set_flag(config,
				      EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	return base;
}

static bool add_events(struct lk_http_loop *loop)
{
	static const struct timeval every = { .tv_usec = TICK_MS * 1000 };

	event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	event_assign(&loop->tick, loop->base, -1, EV_PERSIST, on_tick, loop);
	return event_add(&loop->wake, NULL) == 0 && event_add(&loop->tick, &every) == 0;
}

struct lk_http_loop *lk_http_loop_new(struct lk_http *http)
{
	struct lk_http_loop *loop = lk_alloc(sizeof *loop);

	if (loop == NULL)
		return NULL;
	loop->http = http;
	pthread_mutex_init(&loop->mutex, NULL);
	STAILQ_INIT(&loop->inbox);
	STAILQ_INIT(&loop->ready);
	STAILQ_INIT(&loop->spare);
	for (int phase = 0; phase < LK_HTTP_PHASES; phase++)
		TAILQ_INIT(&loop->phases[phase]);
	lk_buf_init(&loop->output, OUTPUT_MAX);
	lk_http_loop_look_up(loop);
	write_date(loop);
	loop->trouble_at = loop->now - TROUBLE_EVERY_MS;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->spare_fd = -1;
	if (loop->wake_fd >= 0)
		lk_http_listen_keep_spare(loop);
	loop->listeners = lk_alloc(http->options.n_addresses * sizeof *loop->listeners);
	loop->base = new_base();
	if (loop->listeners != NULL && loop->base != NULL && loop->wake_fd >= 0 &&
		loop->spare_fd >= 0 && add_events(loop))
		return loop;
	lk_http_loop_free(loop);
	return NULL;
}

static void *run(void *arg)
{
	struct lk_http_loop *loop = arg;

	loop->self = pthread_self();
	event_base_dispatch(loop->base);
	return NULL;
}

bool lk_http_loop_start(struct lk_http_loop *loop)
{
	lk_http_caps_open_door(loop->http->caps);
	loop->has_thread = pthread_create(&loop->thread, NULL, run, loop) == 0;
	return loop->has_thread;
}

void lk_http_loop_free(struct lk_http_loop *loop)
{
	if (loop == NULL)
		return;
	lk_http_listen_end(loop, false);
	lk_http_request_free_spare(loop);
	lk_buf_fini(&loop->output);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->spare_fd >= 0)
		close(loop->spare_fd);
	pthread_mutex_destroy(&loop->mutex);
	lk_free(loop->listeners);
	lk_free(loop);
}
