'use strict'

// A service of today: publishes one event as Ponos does, and prints its name, body and TID as one JSON line.
//
//   node publish.js <event> <body as JSON>              a body without `tid` gets one from Ponos
//   node publish.js <event> <body as JSON> --without-tid  the same, but nobody gives it one

const broker = require('./broker')
const RabbitMQ = require('ponos/lib/rabbitmq')

const APP = 'billing'
const [event, text, flag] = process.argv.slice(2)
const body = JSON.parse(text)
const service = new RabbitMQ(Object.assign(broker.options(), { name: APP, events: [event] }))

service.connect()
  .then(() => flag === '--without-tid' ? publishBare() : service.publishEvent(event, body))
  .then(() => service.disconnect())
  .then(() => broker.report({ event, body, tid: body.tid }))
  .catch(broker.fail)

/** What `publishEvent` sends, on the same channel, but for the TID. */
function publishBare () {
  service.publishChannel.publish(event, '', Buffer.from(JSON.stringify(body)), RabbitMQ.buildJobMeta(APP))
}
