'use strict'

// A service of today: publishes one event as Ponos does, and prints its name, body and TID as one JSON line.
//
//   node publish.js [body as JSON]        a body without `tid` gets one from Ponos

const broker = require('./broker')
const RabbitMQ = require('ponos/lib/rabbitmq')

const EVENT = 'org.payment.processed'

const body = JSON.parse(process.argv[2] || '{"organization":{"id":7},"amount":4200}')
const service = new RabbitMQ(Object.assign(broker.options(), { name: 'billing', events: [EVENT] }))

service.connect()
  .then(() => service.publishEvent(EVENT, body))
  .then(() => service.disconnect())
  .then(() => broker.report({ event: EVENT, body, tid: body.tid }))
  .catch(broker.fail)
