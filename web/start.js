"use strict";
Connection.start();
Views.start();
