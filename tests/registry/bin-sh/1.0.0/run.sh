#!/bin/sh
echo "sh $*"
