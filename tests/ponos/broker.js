'use strict'

// Ponos logs to stdout, which belongs to the test, and sends statistics by UDP unless told not to.
process.env.LOG_LEVEL = '100'
process.env.WORKER_MONITOR_DISABLED = '1'

/**
 * Ponos's own connection options, from RABBITMQ_HOSTNAME, RABBITMQ_PORT, RABBITMQ_USERNAME, RABBITMQ_PASSWORD and
 * RABBITMQ_VHOST.
 *
 * Ponos pastes them into `amqp://user:password@hostname:port` and knows no vhost. A host name that ends in a query
 * carries one, and a frame size that RabbitMQ 4.1 accepts as well; the port that follows is swallowed by the query.
 */
function options () {
  const { RABBITMQ_HOSTNAME, RABBITMQ_PORT, RABBITMQ_USERNAME, RABBITMQ_PASSWORD, RABBITMQ_VHOST } = process.env
  const server = `${RABBITMQ_HOSTNAME || 'localhost'}:${RABBITMQ_PORT || 5672}`
  const vhost = encodeURIComponent(RABBITMQ_VHOST || '/')
  return {
    hostname: `${server}/${vhost}?frameMax=131072&unused=`,
    username: RABBITMQ_USERNAME || 'guest',
    password: RABBITMQ_PASSWORD || 'guest'
  }
}

/** Prints one JSON line for the test to read. */
function report (value) {
  process.stdout.write(JSON.stringify(value) + '\n')
}

/** Ends the process with a failure that the test shows. */
function fail (error) {
  process.stderr.write(`${error.stack || error}\n`)
  process.exit(1)
}

module.exports = { options, report, fail }
